package schema

import (
	"entgo.io/ent"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// BillingUnit is what an organization sells its own usage in. Its rates say what
// one costs.
type BillingUnit struct{ ent.Schema }

// Fields of a billing unit.
func (BillingUnit) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(100),
		field.String("currency").NotEmpty().MaxLen(3),
		version(),
		createdAt(),
	}
}

// Edges of a billing unit.
func (BillingUnit) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("skus", SKU.Type).Annotations(restrict()),
		edge.To("rates", MeteringRate.Type).Annotations(cascade()),
	}
}

// Indexes of a billing unit.
func (BillingUnit) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique().StorageKey("billing_unit_name"),
	}
}

// Annotations of a billing unit.
func (BillingUnit) Annotations() []entschema.Annotation { return table("billing_units", nil) }

// SKU is something that an organization meters. Its rates say how many units one of
// it is.
type SKU struct{ ent.Schema }

// Fields of a SKU. An archived one meters nothing any more.
func (SKU) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("unit_id"),
		field.String("code").NotEmpty().MaxLen(200),
		field.String("name").NotEmpty().MaxRuneLen(100),
		field.String("type").NotEmpty().MaxRuneLen(100),
		field.String("subtype").NotEmpty().MaxRuneLen(100),
		field.String("service").NotEmpty().MaxLen(200),
		field.Time("archived_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a SKU.
func (SKU) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("unit", BillingUnit.Type).Ref("skus").Field("unit_id").Unique().Required(),
		edge.To("rates", MeteringRate.Type).Annotations(cascade()),
		edge.To("events", UsageEvent.Type).Annotations(restrict()),
	}
}

// Indexes of a SKU.
func (SKU) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "code").Unique().StorageKey("sku_code"),
		index.Fields("unit_id"),
	}
}

// Annotations of a SKU.
func (SKU) Annotations() []entschema.Annotation { return table("skus", nil) }

// MeteringRate is what a unit costs, or how many units one of a SKU is, from an
// instant on. Rows are written once.
type MeteringRate struct{ ent.Schema }

// Fields of a rate. It is that of a unit or of a SKU. The first holds since ever.
func (MeteringRate) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		optionalReference("unit_id"),
		optionalReference("sku_id"),
		amount("rate"),
		field.Time("effective_from").Optional().Nillable(),
		optionalReference("actor_id"),
		createdAt(),
	}
}

// Edges of a rate.
func (MeteringRate) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("unit", BillingUnit.Type).Ref("rates").Field("unit_id").Unique(),
		edge.From("sku", SKU.Type).Ref("rates").Field("sku_id").Unique(),
	}
}

// Indexes of a rate.
func (MeteringRate) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("unit_id", "effective_from").Unique().StorageKey("metering_rate_of_unit"),
		index.Fields("sku_id", "effective_from").Unique().StorageKey("metering_rate_of_sku"),
	}
}

// Annotations of a rate.
func (MeteringRate) Annotations() []entschema.Annotation {
	return table("metering_rates", map[string]string{
		"metering_rate_of_one": "((unit_id IS NULL) <> (sku_id IS NULL))",
	})
}

// UsageEvent is usage that an organization has metered, with the rates that were
// in force. Rows are written once.
type UsageEvent struct{ ent.Schema }

// Fields of a usage event. The organization meters it, the owner used it. The month
// is the billing month, which for a correction may be a later one. The dataset and
// the usage line are what it is in costs.
func (UsageEvent) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("sku_id"),
		field.String("idempotency_key").NotEmpty().MaxLen(200),
		reference("owner_id"),
		optionalReference("group_id"),
		field.String("project_name").MaxLen(256),
		field.String("user_name").MaxLen(256),
		amount("quantity"),
		amount("rate"),
		amount("unit_rate"),
		amount("amount"),
		field.String("currency").NotEmpty().MaxLen(3),
		field.Time("started_at"),
		field.Time("ended_at"),
		field.JSON("tags", map[string]string{}),
		optionalReference("corrects_id"),
		month("month"),
		field.Int64("dataset_id"),
		field.Int64("usage_line_id"),
		optionalReference("actor_id"),
		createdAt(),
	}
}

// Edges of a usage event.
func (UsageEvent) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("sku", SKU.Type).Ref("events").Field("sku_id").Unique().Required(),
		edge.To("corrections", UsageEvent.Type).Annotations(restrict()).From("corrects").Field("corrects_id").Unique(),
	}
}

// Indexes of a usage event.
func (UsageEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "idempotency_key").Unique().StorageKey("usage_event_key"),
		index.Fields("organization_id", "month"),
		index.Fields("usage_line_id").Unique(),
		index.Fields("dataset_id"),
		index.Fields("sku_id"),
		index.Fields("corrects_id"),
		index.Fields("owner_id", "started_at"),
		index.Fields("group_id", "started_at"),
	}
}

// Annotations of a usage event.
func (UsageEvent) Annotations() []entschema.Annotation { return table("usage_events", nil) }
