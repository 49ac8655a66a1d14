package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Allocation is how much an organization or a group may use in a period.
type Allocation struct{ ent.Schema }

// Fields of an allocation. The organization is the one that uses it, or whose
// group does; the author is that organization or its manager. What is used and
// forecast is of the period that begins at period_start, as it was found last;
// reserved is what resources that run are expected to cost. A threshold that has
// shut the allocation down stays until somebody takes it back.
func (Allocation) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		optionalReference("group_id"),
		reference("author_id"),
		optionalReference("parent_id"),
		field.String("unit").NotEmpty().MaxLen(100),
		field.Enum("period").Values("NONE", "MONTH", "QUARTER", "YEAR"),
		amount("total"),
		amount("used"),
		amount("reserved"),
		optionalAmount("forecast"),
		field.Time("period_start").Optional().Nillable(),
		optionalReference("shut_by"),
		version(),
		createdAt(),
	}
}

// Edges of an allocation.
func (Allocation) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("author", Organization.Type).Field("author_id").Unique().Required().Annotations(restrict()),
		edge.To("group", Group.Type).Field("group_id").Unique().Annotations(cascade()),
		edge.To("parts", Allocation.Type).Annotations(entsql.OnDelete(entsql.SetNull)).From("parent").Field("parent_id").Unique(),
		edge.From("firings", ThresholdFiring.Type).Ref("allocation"),
	}
}

// Indexes of an allocation. Two partial indexes, because NULL groups are
// distinct from each other in a plain one.
func (Allocation) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "author_id", "unit", "period").Unique().
			StorageKey("allocation_of_organization").Annotations(entsql.IndexWhere("group_id IS NULL")),
		index.Fields("organization_id", "group_id", "author_id", "unit", "period").Unique().
			StorageKey("allocation_of_group").Annotations(entsql.IndexWhere("group_id IS NOT NULL")),
		index.Fields("author_id"),
		index.Fields("parent_id"),
		index.Fields("group_id"),
	}
}

// Annotations of an allocation.
func (Allocation) Annotations() []entschema.Annotation { return table("allocations", nil) }

// Threshold is a part of the total of each of an organization's allocations at
// which something happens.
type Threshold struct{ ent.Schema }

// Fields of a threshold. Either a percent or an amount is set.
func (Threshold) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		optionalAmount("percent"),
		optionalAmount("amount"),
		field.Enum("basis").Values("ACTUAL", "ACTUAL_PLUS_ESTIMATED", "FORECAST"),
		field.Enum("severity").Values("ALERT", "FREEZE", "SHUTDOWN"),
		field.String("label_color").MaxLen(7),
		field.String("description").MaxRuneLen(500),
		field.JSON("emails", []string{}),
		version(),
		createdAt(),
	}
}

// Edges of a threshold.
func (Threshold) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a threshold.
func (Threshold) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique().StorageKey("threshold_name"),
	}
}

// Annotations of a threshold.
func (Threshold) Annotations() []entschema.Annotation {
	return table("thresholds", map[string]string{
		"threshold_is_percent_or_amount": "((percent IS NULL) <> (amount IS NULL))",
	})
}

// ThresholdFiring is a threshold that was reached in a period of an allocation:
// once until it is armed again.
type ThresholdFiring struct{ ent.Schema }

// Fields of a firing. The threshold may be gone by now.
func (ThresholdFiring) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("allocation_id"),
		reference("threshold_id"),
		field.String("threshold_name").MaxRuneLen(64),
		field.Enum("severity").Values("ALERT", "FREEZE", "SHUTDOWN"),
		// Empty for an allocation without periods.
		field.String("period").MaxLen(10),
		amount("used"),
		amount("total"),
		field.Time("rearmed_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of a firing.
func (ThresholdFiring) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("allocation", Allocation.Type).Field("allocation_id").Unique().Required().Annotations(cascade()),
	}
}

// Indexes of a firing.
func (ThresholdFiring) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("allocation_id", "threshold_id", "period").Unique().StorageKey("threshold_fires_once").
			Annotations(entsql.IndexWhere("rearmed_at IS NULL")),
		index.Fields("organization_id"),
	}
}

// Annotations of a firing.
func (ThresholdFiring) Annotations() []entschema.Annotation {
	return table("threshold_firings", nil)
}

// Budget is what an organization means to spend in a month. It stops nothing.
type Budget struct{ ent.Schema }

// Fields of a budget.
func (Budget) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("currency").NotEmpty().MaxLen(16),
		amount("amount"),
		field.Bool("enabled"),
		version(),
		createdAt(),
	}
}

// Edges of a budget.
func (Budget) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("alerts", BudgetAlert.Type).Ref("budget"),
	}
}

// Indexes of a budget: an organization has one.
func (Budget) Indexes() []ent.Index {
	return []ent.Index{index.Fields("organization_id").Unique().StorageKey("budget_of_organization")}
}

// Annotations of a budget.
func (Budget) Annotations() []entschema.Annotation { return table("budgets", nil) }

// BudgetAlert is a part of a budget at which somebody is told.
type BudgetAlert struct{ ent.Schema }

// Fields of an alert. Fired month is the last month in which it has fired.
func (BudgetAlert) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("budget_id"),
		amount("percent"),
		field.JSON("emails", []string{}),
		optionalMonth("fired_month"),
		field.Time("fired_at").Optional().Nillable(),
		optionalAmount("fired_spent"),
		createdAt(),
	}
}

// Edges of an alert.
func (BudgetAlert) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("budget", Budget.Type).Field("budget_id").Unique().Required().Annotations(cascade()),
	}
}

// Indexes of an alert.
func (BudgetAlert) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("budget_id"),
		index.Fields("organization_id"),
	}
}

// Annotations of an alert.
func (BudgetAlert) Annotations() []entschema.Annotation { return table("budget_alerts", nil) }
