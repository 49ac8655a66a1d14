package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// percent is a column of 0 to 100 with at most four places.
func percent() map[string]string {
	return map[string]string{dialect.Postgres: "numeric(7,4)", dialect.SQLite: "text"}
}

// TaxRate is a tax that a seller charges on its statements.
type TaxRate struct{ ent.Schema }

// Fields of a tax rate. Without a buyer it is for all direct customers; an empty
// country means any.
func (TaxRate) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		optionalReference("buyer_id"),
		field.String("name").NotEmpty().MaxRuneLen(100),
		field.String("percent").SchemaType(percent()),
		field.String("country").MaxLen(2),
		field.Bool("reverse_charge"),
		month("first_month"),
		optionalMonth("last_month"),
		optionalReference("actor_id"),
		version(),
		createdAt(),
	}
}

// Edges of a tax rate.
func (TaxRate) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
		edge.To("buyer", Organization.Type).Field("buyer_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a tax rate.
func (TaxRate) Indexes() []ent.Index {
	return []ent.Index{index.Fields("seller_id"), index.Fields("buyer_id")}
}

// Annotations of a tax rate.
func (TaxRate) Annotations() []entschema.Annotation { return table("tax_rates", nil) }

// Discount is what a seller takes off the statements of a customer.
type Discount struct{ ent.Schema }

// Fields of a discount. A rate has a percent; a value has an amount and a currency,
// and of it what statements have used. One that comes of a voucher names it.
func (Discount) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		optionalReference("buyer_id"),
		optionalReference("voucher_id"),
		field.Enum("mode").Values("RATE", "VALUE"),
		field.String("percent").Optional().Nillable().SchemaType(percent()),
		optionalAmount("value"),
		field.String("currency").MaxLen(16),
		sumOfNone("value_used"),
		document("filters"),
		month("first_month"),
		optionalMonth("last_month"),
		field.String("description").NotEmpty().MaxRuneLen(200),
		field.String("reason").MaxLen(500),
		optionalReference("actor_id"),
		version(),
		createdAt(),
	}
}

// Edges of a discount.
func (Discount) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
		edge.To("buyer", Organization.Type).Field("buyer_id").Unique().Annotations(restrict()),
		edge.To("voucher", Voucher.Type).Field("voucher_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a discount. An organization redeems a voucher once.
func (Discount) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("voucher_id", "buyer_id").Unique().StorageKey("voucher_redeemed_once").
			Annotations(entsql.IndexWhere("voucher_id IS NOT NULL")),
		index.Fields("seller_id"),
		index.Fields("buyer_id"),
	}
}

// Annotations of a discount.
func (Discount) Annotations() []entschema.Annotation {
	return table("discounts", map[string]string{
		"discount_is_of_its_mode": "(((mode = 'RATE') = (percent IS NOT NULL)) AND ((mode = 'VALUE') = (value IS NOT NULL)))",
	})
}

// Voucher is a discount that whoever has its code takes.
type Voucher struct{ ent.Schema }

// Fields of a voucher. The discount that is made of it lasts for some months, for
// good without a number; the code is kept as its hash.
func (Voucher) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		field.String("code_hash").MaxLen(64).Sensitive(),
		field.Enum("mode").Values("RATE", "VALUE"),
		field.String("percent").Optional().Nillable().SchemaType(percent()),
		optionalAmount("value"),
		field.String("currency").MaxLen(16),
		document("filters"),
		field.Int("months").Positive().Optional().Nillable(),
		field.String("description").NotEmpty().MaxRuneLen(200),
		field.Time("redeemable_from"),
		field.Time("redeemable_until").Optional().Nillable(),
		field.Int("max_redemptions").Positive().Optional().Nillable(),
		field.Int("redemptions").NonNegative().Default(0),
		optionalReference("actor_id"),
		version(),
		createdAt(),
	}
}

// Edges of a voucher.
func (Voucher) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a voucher.
func (Voucher) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("code_hash").Unique().StorageKey("voucher_code"),
		index.Fields("seller_id"),
	}
}

// Annotations of a voucher.
func (Voucher) Annotations() []entschema.Annotation {
	return table("vouchers", map[string]string{
		"voucher_is_of_its_mode": "(((mode = 'RATE') = (percent IS NOT NULL)) AND ((mode = 'VALUE') = (value IS NOT NULL)))",
	})
}

// SupportFee is one version of what a seller charges for a support plan. Rows are
// written once; a later version wins from its first month on.
type SupportFee struct{ ent.Schema }

// Fields of a support fee: the larger of the minimum and a part of what the
// customer is charged.
func (SupportFee) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		field.Enum("plan").Values("ADVANCED", "BUSINESS", "ENTERPRISE"),
		amount("minimum"),
		field.String("currency").NotEmpty().MaxLen(16),
		field.String("percent").SchemaType(percent()),
		month("first_month"),
		optionalReference("actor_id"),
		version(),
		createdAt(),
	}
}

// Edges of a support fee.
func (SupportFee) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a support fee.
func (SupportFee) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seller_id", "plan", "version").Unique().StorageKey("support_fee_version"),
	}
}

// Annotations of a support fee.
func (SupportFee) Annotations() []entschema.Annotation { return table("support_fees", nil) }

// StatementItem is what a statement has beside the lines of usage: a discount, a
// fee or a tax, in whole minor units.
type StatementItem struct{ ent.Schema }

// Fields of a statement item. A tax has the base that it is a percent of; a
// discount may be gone from the terms that it was taken by, its label stays.
func (StatementItem) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("statement_id"),
		field.Int("position").NonNegative(),
		field.Enum("kind").Values("DISCOUNT", "FEE", "TAX"),
		field.String("label").MaxRuneLen(300),
		field.String("percent").Optional().Nillable().SchemaType(percent()),
		optionalAmount("base"),
		amount("amount"),
		field.Bool("reverse_charge").Default(false),
		optionalReference("discount_id"),
	}
}

// Edges of a statement item.
func (StatementItem) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("statement", Statement.Type).Ref("items").Field("statement_id").Unique().Required(),
		edge.To("discount", Discount.Type).Field("discount_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a statement item.
func (StatementItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("statement_id", "position").Unique().StorageKey("statement_item_position"),
	}
}

// Annotations of a statement item.
func (StatementItem) Annotations() []entschema.Annotation { return table("statement_items", nil) }

// CreditNote takes back some of an issued statement, which itself stays as it is.
type CreditNote struct{ ent.Schema }

// Fields of a credit note. Its number is one more than the last of its seller; the
// amounts are what is taken back.
func (CreditNote) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("statement_id"),
		reference("seller_id"),
		reference("buyer_id"),
		field.Int64("number").Positive(),
		field.String("currency").NotEmpty().MaxLen(16),
		amount("untaxed"),
		amount("tax"),
		amount("total"),
		field.String("reason").MaxLen(500),
		optionalReference("actor_id"),
		createdAt(),
	}
}

// Edges of a credit note.
func (CreditNote) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("statement", Statement.Type).Field("statement_id").Unique().Required().Annotations(restrict()),
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
		edge.To("buyer", Organization.Type).Field("buyer_id").Unique().Required().Annotations(restrict()),
		edge.To("items", CreditNoteItem.Type).Annotations(cascade()),
	}
}

// Indexes of a credit note.
func (CreditNote) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seller_id", "number").Unique().StorageKey("credit_note_number"),
		index.Fields("statement_id"),
		index.Fields("buyer_id"),
	}
}

// Annotations of a credit note.
func (CreditNote) Annotations() []entschema.Annotation { return table("credit_notes", nil) }

// CreditNoteItem is one amount of a credit note.
type CreditNoteItem struct{ ent.Schema }

// Fields of a credit note item. A tax names the item of the statement that it is a
// part of.
func (CreditNoteItem) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("credit_note_id"),
		field.Int("position").NonNegative(),
		field.Enum("kind").Values("LINE", "TAX"),
		field.String("label").MaxRuneLen(300),
		field.String("percent").Optional().Nillable().SchemaType(percent()),
		amount("amount"),
		optionalReference("tax_id"),
	}
}

// Edges of a credit note item.
func (CreditNoteItem) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("credit_note", CreditNote.Type).Ref("items").Field("credit_note_id").Unique().Required(),
		edge.To("tax", StatementItem.Type).Field("tax_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a credit note item.
func (CreditNoteItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("credit_note_id", "position").Unique().StorageKey("credit_note_item_position"),
	}
}

// Annotations of a credit note item.
func (CreditNoteItem) Annotations() []entschema.Annotation { return table("credit_note_items", nil) }
