package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// BillingMonth is a month in which a seller's prices and usage do not change any
// more.
type BillingMonth struct{ ent.Schema }

// Fields of a billing month. While it is CLOSING its statements are being made.
func (BillingMonth) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		month("month"),
		field.Enum("status").Values("CLOSING", "CLOSED"),
		optionalReference("actor_id"),
		field.Time("closed_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of a billing month.
func (BillingMonth) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a billing month.
func (BillingMonth) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seller_id", "month").Unique().StorageKey("billing_month_once"),
	}
}

// Annotations of a billing month.
func (BillingMonth) Annotations() []entschema.Annotation { return table("billing_months", nil) }

// Statement is what a buyer owes a seller for a month, in one currency.
type Statement struct{ ent.Schema }

// Fields of a statement. It has a number once it is ISSUED, one more than the last
// of its seller. The total is what is to be paid: its lines, discounts (which are
// negative), fees and taxes.
func (Statement) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		reference("buyer_id"),
		month("month"),
		field.String("currency").NotEmpty().MaxLen(16),
		field.Enum("status").Values("CLOSED", "ISSUED", "PAID", "VOID"),
		field.Int64("number").Positive().Optional().Nillable(),
		sumOfNone("discount"),
		sumOfNone("fees"),
		sumOfNone("tax"),
		amount("total"),
		field.Time("issued_at").Optional().Nillable(),
		field.Time("due_at").Optional().Nillable(),
		field.Time("settled_at").Optional().Nillable(),
		field.String("payment_reference").MaxRuneLen(200).Default(""),
		field.String("reason").MaxLen(500).Default(""),
		version(),
		createdAt(),
	}
}

// Edges of a statement.
func (Statement) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
		edge.To("buyer", Organization.Type).Field("buyer_id").Unique().Required().Annotations(restrict()),
		edge.To("lines", StatementLine.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("items", StatementItem.Type).Annotations(cascade()),
	}
}

// Indexes of a statement.
func (Statement) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seller_id", "month", "buyer_id", "currency").Unique().StorageKey("statement_once"),
		index.Fields("seller_id", "number").Unique().StorageKey("statement_number").
			Annotations(entsql.IndexWhere("number IS NOT NULL")),
		index.Fields("buyer_id", "month"),
	}
}

// Annotations of a statement.
func (Statement) Annotations() []entschema.Annotation {
	return table("statements", map[string]string{
		"statement_has_a_number": "((status = 'CLOSED') = (number IS NULL))",
	})
}

// StatementLine is one amount of a statement, in whole minor units.
type StatementLine struct{ ent.Schema }

// Fields of a statement line. The exact amount is what it was before it was rounded
// so that the lines add up.
func (StatementLine) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("statement_id"),
		field.Int("position").NonNegative(),
		field.String("provider").MaxLen(200),
		field.String("service").MaxLen(200),
		field.String("charge_category").MaxLen(20),
		amount("exact_amount"),
		amount("amount"),
	}
}

// Edges of a statement line.
func (StatementLine) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("statement", Statement.Type).Ref("lines").Field("statement_id").Unique().Required(),
	}
}

// Indexes of a statement line.
func (StatementLine) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("statement_id", "position").Unique().StorageKey("statement_line_position"),
	}
}

// Annotations of a statement line.
func (StatementLine) Annotations() []entschema.Annotation { return table("statement_lines", nil) }

// BillingProfile is who an organization is on statements.
type BillingProfile struct{ ent.Schema }

// Fields of a billing profile.
func (BillingProfile) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("company").MaxRuneLen(200),
		field.JSON("address", []string{}),
		field.String("country").MaxLen(2),
		field.String("vat_id").MaxRuneLen(50),
		field.String("email").MaxRuneLen(254),
		version(),
		createdAt(),
	}
}

// Edges of a billing profile.
func (BillingProfile) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a billing profile.
func (BillingProfile) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id").Unique().StorageKey("billing_profile_once"),
	}
}

// Annotations of a billing profile.
func (BillingProfile) Annotations() []entschema.Annotation { return table("billing_profiles", nil) }
