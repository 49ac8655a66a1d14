package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// BillingMultiplier is one version of one price rule of a seller. Rows are
// written once; a later version of the same (seller, buyer, selector) wins from
// its first month on.
type BillingMultiplier struct{ ent.Schema }

// Fields of a billing multiplier. An absent buyer means all direct customers;
// an empty selector field means any.
func (BillingMultiplier) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("seller_id"),
		optionalReference("buyer_id"),
		field.String("provider").MaxLen(200),
		field.String("service").MaxLen(200),
		field.String("sku").MaxLen(200),
		field.String("region").MaxLen(200),
		field.String("charge_category").MaxLen(20),
		field.Enum("basis").Values("SOURCE", "UPSTREAM", "LIST"),
		field.String("factor").SchemaType(map[string]string{
			dialect.Postgres: "numeric(12,6)",
			dialect.SQLite:   "text",
		}),
		month("first_month"),
		optionalMonth("last_month"),
		version(),
		optionalReference("actor_id"),
		field.String("reason").MaxLen(500),
		createdAt(),
	}
}

// Edges of a billing multiplier.
func (BillingMultiplier) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Required().Annotations(restrict()),
		edge.To("buyer", Organization.Type).Field("buyer_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a billing multiplier. Two partial indexes, because NULL buyers are
// distinct from each other in a plain one.
func (BillingMultiplier) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seller_id", "buyer_id", "provider", "service", "sku", "region", "charge_category", "version").Unique().
			StorageKey("billing_multiplier_version_buyer").Annotations(entsql.IndexWhere("buyer_id IS NOT NULL")),
		index.Fields("seller_id", "provider", "service", "sku", "region", "charge_category", "version").Unique().
			StorageKey("billing_multiplier_version_all").Annotations(entsql.IndexWhere("buyer_id IS NULL")),
		index.Fields("buyer_id"),
	}
}

// Annotations of a billing multiplier.
func (BillingMultiplier) Annotations() []entschema.Annotation {
	return table("billing_multipliers", nil)
}

// PriceGuard is one version of the bounds that an organization sets for the
// factors of those that it manages. Rows are written once.
type PriceGuard struct{ ent.Schema }

// Fields of a price guard. An absent seller means all managed organizations, an
// empty basis every one; of min and max one is there.
func (PriceGuard) Fields() []ent.Field {
	factor := map[string]string{dialect.Postgres: "numeric(12,6)", dialect.SQLite: "text"}
	return []ent.Field{
		identity(),
		reference("manager_id"),
		optionalReference("seller_id"),
		field.String("basis").MaxLen(10),
		field.String("min").Optional().Nillable().SchemaType(factor),
		field.String("max").Optional().Nillable().SchemaType(factor),
		month("first_month"),
		optionalMonth("last_month"),
		version(),
		optionalReference("actor_id"),
		field.String("reason").MaxLen(500),
		createdAt(),
	}
}

// Edges of a price guard.
func (PriceGuard) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("manager", Organization.Type).Field("manager_id").Unique().Required().Annotations(restrict()),
		edge.To("seller", Organization.Type).Field("seller_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a price guard. Two partial indexes, because NULL sellers are
// distinct from each other in a plain one.
func (PriceGuard) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("manager_id", "seller_id", "basis", "version").Unique().
			StorageKey("price_guard_version_seller").Annotations(entsql.IndexWhere("seller_id IS NOT NULL")),
		index.Fields("manager_id", "basis", "version").Unique().
			StorageKey("price_guard_version_all").Annotations(entsql.IndexWhere("seller_id IS NULL")),
		index.Fields("seller_id"),
	}
}

// Annotations of a price guard.
func (PriceGuard) Annotations() []entschema.Annotation {
	return table("price_guards", map[string]string{"price_guard_bounds": "min IS NOT NULL OR max IS NOT NULL"})
}

// UsageMapping says whose the usage of a sub-account or of a tag is.
type UsageMapping struct{ ent.Schema }

// Fields of a usage mapping. Either the sub-account or the tag key and value
// are named, or both; an empty string means any. An empty first month is before
// all months.
func (UsageMapping) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("importer_id"),
		field.String("sub_account_id").MaxLen(200),
		field.String("tag_key").MaxLen(256),
		field.String("tag_value").MaxLen(256),
		reference("organization_id"),
		optionalReference("group_id"),
		field.String("first_month").MaxLen(7).Default("").SchemaType(map[string]string{
			dialect.Postgres: "varchar(7)",
			dialect.SQLite:   "text",
		}),
		optionalMonth("last_month"),
		version(),
		createdAt(),
	}
}

// Edges of a usage mapping.
func (UsageMapping) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("importer", Organization.Type).Field("importer_id").Unique().Required().Annotations(restrict()),
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("group", Group.Type).Field("group_id").Unique().Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

// Indexes of a usage mapping.
func (UsageMapping) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("importer_id", "sub_account_id", "tag_key", "tag_value", "first_month").Unique().StorageKey("usage_mapping_pattern"),
		index.Fields("organization_id"),
	}
}

// Annotations of a usage mapping.
func (UsageMapping) Annotations() []entschema.Annotation {
	return table("usage_mappings", map[string]string{
		"usage_mapping_names_something": "sub_account_id <> '' OR tag_key <> ''",
	})
}

// CloudAccount is a provider's account whose usage is an organization's.
type CloudAccount struct{ ent.Schema }

// Fields of a cloud account. The importer is the organization that brings its
// usage in, once somebody there has said whose it is.
func (CloudAccount) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		optionalReference("importer_id"),
		field.String("name").NotEmpty().MaxRuneLen(100),
		field.String("provider").NotEmpty().MaxLen(16),
		field.String("provider_account_id").NotEmpty().MaxLen(200),
		field.Enum("status").Values("PENDING", "ACTIVE"),
		field.JSON("group_ids", []uuid.UUID{}),
		// Sealed; see the package token.
		field.Text("credentials").Sensitive(),
		field.Time("credentials_at").Optional().Nillable(),
		field.Time("last_usage_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a cloud account.
func (CloudAccount) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("importer", Organization.Type).Field("importer_id").Unique().Annotations(restrict()),
	}
}

// Indexes of a cloud account. A provider's account is one organization's.
func (CloudAccount) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique(),
		index.Fields("provider", "provider_account_id").Unique().StorageKey("cloud_account_active").
			Annotations(entsql.IndexWhere("status = 'ACTIVE'")),
		index.Fields("importer_id"),
	}
}

// Annotations of a cloud account.
func (CloudAccount) Annotations() []entschema.Annotation {
	return table("cloud_accounts", map[string]string{
		"cloud_account_active_has_importer": "((status = 'ACTIVE') = (importer_id IS NOT NULL))",
	})
}

// UsageImport is one file of usage that an organization brought in.
type UsageImport struct{ ent.Schema }

// Fields of a usage import. Its rows count only while their dataset is ACTIVE.
// It is touched with every batch that is loaded, so that one whose process has
// died is known from one that is still loading.
func (UsageImport) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("status").Values("LOADING", "ACTIVE", "SUPERSEDED", "FAILED"),
		field.String("content_hash").MaxLen(64),
		field.Int64("rows_read").Default(0),
		field.Int64("rows_stored").Default(0),
		field.Int64("rows_skipped").Default(0),
		field.Int64("unattributed_rows").Default(0),
		field.Int64("error_count").Default(0),
		document("errors"),
		document("billed_costs"),
		optionalReference("actor_id"),
		createdAt(),
		field.Time("touched_at"),
		field.Time("finished_at").Optional().Nillable(),
	}
}

// Edges of a usage import.
func (UsageImport) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("datasets", UsageDataset.Type).Annotations(cascade()),
	}
}

// Indexes of a usage import.
func (UsageImport) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "content_hash").Unique().StorageKey("usage_import_same_content").
			Annotations(entsql.IndexWhere("status = 'ACTIVE'")),
	}
}

// Annotations of a usage import.
func (UsageImport) Annotations() []entschema.Annotation { return table("usage_imports", nil) }

// UsageDataset is the usage of one billing account of one provider in one
// billing month, as one import states it. At most one dataset of the same
// source is ACTIVE; a restatement supersedes it as a whole. A restatement of a
// closed month leaves what the month has and makes a dataset of an open month that
// corrects it. What an organization meters itself has a dataset for every part of a
// month: lines are added to the last, and none is restated.
//
// Its lines are attributed and priced by a rating, and again by the next one
// when mappings or prices change. The rated lines and roll-ups of the rating
// alone count.
type UsageDataset struct{ ent.Schema }

// Fields of a usage dataset. The rating counts; the wanted one is the first that
// would be by the mappings and prices of now. One that is being loaded has
// reached a line and counts nowhere; whoever claimed it last loads it.
func (UsageDataset) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		reference("import_id"),
		reference("organization_id"),
		field.String("provider").MaxLen(200),
		field.String("billing_account_id").MaxLen(200),
		month("month"),
		// Counts the parts of a month from 1; 0 for what a file states.
		field.Int("part").Default(0),
		// The closed month that it corrects, "" for none.
		field.String("corrects").MaxLen(7).Default("").SchemaType(map[string]string{
			dialect.Postgres: "varchar(7)",
			dialect.SQLite:   "text",
		}),
		field.Enum("status").Values("LOADING", "ACTIVE", "SUPERSEDED"),
		field.Int("rating").Default(1),
		field.Int("rating_wanted").Default(1),
		field.Int("rating_loading").Default(0),
		field.Int64("rating_reached").Default(0),
		field.Int64("rating_claim").Default(0),
		// Since when its lines are archived: gone, but for their daily roll-ups.
		field.Time("archived_at").Optional().Nillable(),
	}
}

// Edges of a usage dataset.
func (UsageDataset) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("import", UsageImport.Type).Ref("datasets").Field("import_id").Unique().Required(),
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("usage_lines", UsageLine.Type).Annotations(cascade()),
		edge.To("rated_lines", RatedLine.Type).Annotations(cascade()),
		edge.To("cost_rollups", CostRollup.Type).Annotations(cascade()),
	}
}

// Indexes of a usage dataset.
func (UsageDataset) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "provider", "billing_account_id", "month", "part", "corrects").Unique().StorageKey("usage_dataset_one_active").
			Annotations(entsql.IndexWhere("status = 'ACTIVE'")),
		index.Fields("organization_id").StorageKey("usage_dataset_to_rate").
			Annotations(entsql.IndexWhere("status = 'ACTIVE' AND rating <> rating_wanted")),
		index.Fields("import_id"),
	}
}

// Annotations of a usage dataset.
func (UsageDataset) Annotations() []entschema.Annotation { return table("usage_datasets", nil) }

// UsageLine is one row of a usage file. Whose it is, its rated lines say.
type UsageLine struct{ ent.Schema }

// Fields of a usage line. The cost is the source cost, FOCUS BilledCost. The price
// month is absent where the class and the periods of the line say by which month it
// is priced.
func (UsageLine) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int64("dataset_id"),
		field.Int64("line"),
		month("month"),
		field.Time("charge_period_start"),
		field.Time("charge_period_end"),
		field.String("provider"),
		field.String("service"),
		field.String("sku"),
		field.String("region"),
		field.String("sub_account_id"),
		field.String("resource_id"),
		field.String("charge_category"),
		field.String("charge_class"),
		optionalMonth("price_month"),
		field.String("description"),
		amount("billed_cost"),
		optionalAmount("list_cost"),
		field.String("currency").MaxLen(16),
		optionalAmount("quantity"),
		field.String("unit"),
		document("tags"),
		document("extra"),
	}
}

// Edges of a usage line.
func (UsageLine) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("dataset", UsageDataset.Type).Ref("usage_lines").Field("dataset_id").Unique().Required(),
	}
}

// Indexes of a usage line.
func (UsageLine) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("dataset_id", "id"),
	}
}

// Annotations of a usage line.
func (UsageLine) Annotations() []entschema.Annotation { return table("usage_lines", nil) }

// RatedLine is what one usage line costs one organization: the buyer's cost is
// the seller's revenue, in one row.
type RatedLine struct{ ent.Schema }

// Fields of a rated line. At position 0 the provider, who is no organization,
// sells to the importing organization at the source cost; the edges follow down
// to the owner. Attributed says that a mapping named the owner.
func (RatedLine) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int64("dataset_id"),
		field.Int("rating"),
		field.Int64("usage_line_id"),
		field.Int("position").NonNegative(),
		month("month"),
		optionalReference("seller_id"),
		reference("buyer_id"),
		reference("owner_id"),
		optionalReference("group_id"),
		field.Bool("attributed"),
		optionalReference("multiplier_id"),
		amount("amount"),
	}
}

// Edges of a rated line.
func (RatedLine) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("dataset", UsageDataset.Type).Ref("rated_lines").Field("dataset_id").Unique().Required(),
	}
}

// Indexes of a rated line.
func (RatedLine) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("buyer_id", "month", "usage_line_id"),
		index.Fields("usage_line_id", "rating", "position").Unique(),
		index.Fields("dataset_id", "rating"),
	}
}

// Annotations of a rated line.
func (RatedLine) Annotations() []entschema.Annotation { return table("rated_lines", nil) }

// CostRollup is the daily sum of what one organization buys and sells of the
// usage below it, by owner and by the facts that dashboards group by.
type CostRollup struct{ ent.Schema }

// Fields of a cost roll-up. The organization is the tier whose prices the row
// holds, the owner the organization that used the service. The sell amount is
// zero where the organization uses the service itself.
func (CostRollup) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int64("dataset_id"),
		field.Int("rating"),
		reference("organization_id"),
		optionalReference("customer_id"),
		reference("owner_id"),
		optionalReference("group_id"),
		field.Time("day"),
		field.String("provider"),
		field.String("service"),
		field.String("sku"),
		field.String("region"),
		field.String("charge_category"),
		field.String("currency").MaxLen(16),
		amount("buy"),
		amount("sell"),
		field.Int64("lines"),
	}
}

// Edges of a cost roll-up.
func (CostRollup) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("dataset", UsageDataset.Type).Ref("cost_rollups").Field("dataset_id").Unique().Required(),
	}
}

// Indexes of a cost roll-up.
func (CostRollup) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "day"),
		index.Fields("dataset_id", "rating"),
	}
}

// Annotations of a cost roll-up.
func (CostRollup) Annotations() []entschema.Annotation { return table("cost_rollups", nil) }
