package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// BillingContact is an address that is told about bills. It signs in to nothing.
type BillingContact struct{ ent.Schema }

// Fields of a billing contact.
func (BillingContact) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").MaxRuneLen(200),
		field.String("email").NotEmpty().MaxRuneLen(254),
		createdAt(),
	}
}

// Edges of a billing contact.
func (BillingContact) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a billing contact.
func (BillingContact) Indexes() []ent.Index {
	return []ent.Index{index.Fields("organization_id", "email").Unique().StorageKey("billing_contact_email")}
}

// Annotations of a billing contact.
func (BillingContact) Annotations() []entschema.Annotation { return table("billing_contacts", nil) }

// PaymentMethod is how an organization pays, as a reference that a payment
// processor outside understands. No number of a card or an account is stored.
type PaymentMethod struct{ ent.Schema }

// Fields of a payment method.
func (PaymentMethod) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("kind").Values("CARD", "SEPA_DEBIT"),
		field.String("processor").NotEmpty().MaxRuneLen(50),
		field.String("reference").NotEmpty().MaxRuneLen(200),
		field.String("label").NotEmpty().MaxRuneLen(100),
		optionalMonth("last_month"),
		field.Bool("is_default"),
		field.Time("expiry_told_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of a payment method.
func (PaymentMethod) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a payment method: one is known once, and one of an organization is
// the default.
func (PaymentMethod) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("processor", "reference").Unique().StorageKey("payment_method_once"),
		index.Fields("organization_id").Unique().StorageKey("payment_method_default").
			Annotations(entsql.IndexWhere("is_default")),
		index.Fields("organization_id"),
	}
}

// Annotations of a payment method.
func (PaymentMethod) Annotations() []entschema.Annotation { return table("payment_methods", nil) }
