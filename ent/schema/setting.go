package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// SettingDirective is what one author organization says about one key at one
// node from one moment on. A change closes the live row and writes the next
// version; a row without operation, guard and lock says that the author
// withdrew. So versions never restart and nothing is overwritten.
type SettingDirective struct{ ent.Schema }

// Fields of a setting directive. The scope is an organization, a group or a
// membership; organization_id is the organization that the scope belongs to.
func (SettingDirective) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("scope_kind").Values("ORGANIZATION", "GROUP", "MEMBERSHIP"),
		reference("scope_id"),
		field.String("key").NotEmpty().MaxLen(100),
		reference("author_organization_id"),
		optionalDocument("operation"),
		optionalDocument("guard"),
		field.Bool("locked").Default(false),
		version(),
		field.Time("valid_from"),
		field.Time("valid_to").Optional().Nillable(),
		optionalReference("actor_id"),
		field.String("reason").MaxLen(500),
	}
}

// Edges of a setting directive.
func (SettingDirective) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("author_organization", Organization.Type).Field("author_organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a setting directive.
func (SettingDirective) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("scope_id", "key", "author_organization_id").Unique().StorageKey("setting_directive_one_live").
			Annotations(entsql.IndexWhere("valid_to IS NULL")),
		index.Fields("scope_id", "key", "author_organization_id", "version").Unique(),
		index.Fields("organization_id"),
		index.Fields("author_organization_id"),
	}
}

// Annotations of a setting directive.
func (SettingDirective) Annotations() []entschema.Annotation {
	return table("setting_directives", map[string]string{
		"setting_directive_ends_after_start": "valid_to IS NULL OR valid_to > valid_from",
	})
}
