package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/headwater-platform/headwater/orgtree"
)

// Organization is a node of the tree: the platform, a partner or a managed
// organization. Its parent is the organization that manages it.
type Organization struct{ ent.Schema }

// Fields of an organization.
func (Organization) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		field.Enum("kind").GoType(orgtree.Kind("")),
		optionalReference("parent_id"),
		field.Int("depth").NonNegative(),
		field.String("name").NotEmpty().MaxRuneLen(100),
		field.String("slug").NotEmpty().MaxLen(63),
		field.Enum("status").GoType(orgtree.Status("")),
		field.String("customer_reference").Optional().MaxRuneLen(100),
		// From which month bills show the reference, and what they show before it.
		optionalMonth("customer_reference_month"),
		field.String("customer_reference_before").Optional().MaxRuneLen(100),
		// A personal organization came with its owner's account.
		field.Bool("personal").Default(false),
		// Where the name comes from: a personal organization is renamed once.
		field.Enum("name_source").Values("GIVEN", "OWNER_NAME", "EMAIL").Default("GIVEN"),
		// Who holds the lock. It outlasts a deactivation, so that reopening does
		// not lift it.
		field.Enum("locked_by").Values("PARTNER", "PLATFORM").Optional().Nillable(),
		optionalReference("locked_by_organization_id"),
		field.String("lock_reason").Optional().MaxRuneLen(1000),
		field.Time("locked_at").Optional().Nillable(),
		field.Time("deactivated_at").Optional().Nillable(),
		field.String("deactivation_reason").Optional().MaxRuneLen(1000),
		field.Time("purge_at").Optional().Nillable(),
		field.Time("deleted_at").Optional().Nillable(),
		// What the owner agreed to on activation, and a reference to a means of
		// payment that an external processor holds.
		field.String("terms_version").Optional().MaxRuneLen(100),
		field.Time("terms_accepted_at").Optional().Nillable(),
		field.String("payment_method_reference").Optional().MaxRuneLen(200),
		version(),
		createdAt(),
	}
}

// Edges of an organization.
func (Organization) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("children", Organization.Type).Annotations(restrict()).
			From("parent").Field("parent_id").Unique(),
		edge.To("descendants", Organization.Type).
			From("ancestors").Through("ancestry", Ancestry.Type),
		edge.To("memberships", Membership.Type).Annotations(restrict()),
		edge.To("groups", Group.Type).Annotations(restrict()),
		edge.To("projects", Project.Type).Annotations(restrict()),
		edge.To("applications", Application.Type).Annotations(restrict()),
	}
}

// Indexes of an organization.
func (Organization) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("slug").Unique(),
		index.Fields("kind").Unique().StorageKey("organization_one_root").
			Annotations(entsql.IndexWhere("kind = 'PLATFORM'")),
		index.Fields("parent_id"),
		index.Fields("purge_at").Annotations(entsql.IndexWhere("purge_at IS NOT NULL")),
	}
}

// Annotations of an organization.
func (Organization) Annotations() []entschema.Annotation {
	return table("organizations", map[string]string{
		"organization_root_has_no_parent": "((kind = 'PLATFORM') = (parent_id IS NULL))",
		"organization_depth":              "((depth = 0) = (parent_id IS NULL))",
		"organization_depth_limit":        "depth <= 16",
		"organization_not_below_itself":   "parent_id <> id",
	})
}

// Ancestry is the closure of the tree: one row for every organization and each
// organization above it, itself included at distance 0. Its primary key makes a
// cycle impossible to write.
type Ancestry struct{ ent.Schema }

// Fields of an ancestry.
func (Ancestry) Fields() []ent.Field {
	return []ent.Field{
		reference("organization_id"),
		reference("ancestor_id"),
		field.Int("distance").NonNegative(),
	}
}

// Edges of an ancestry.
func (Ancestry) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(cascade()),
		edge.To("ancestor", Organization.Type).Field("ancestor_id").Unique().Required().Annotations(cascade()),
	}
}

// Indexes of an ancestry.
func (Ancestry) Indexes() []ent.Index {
	return []ent.Index{index.Fields("ancestor_id", "distance"), index.Fields("organization_id", "distance").Unique()}
}

// Annotations of an ancestry.
func (Ancestry) Annotations() []entschema.Annotation {
	return append(table("organization_ancestries", map[string]string{
		"ancestry_self": "((distance = 0) = (ancestor_id = organization_id))",
	}), field.ID("organization_id", "ancestor_id"))
}
