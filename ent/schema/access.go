package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/headwater-platform/headwater/access"
)

// AccessPolicy gives permission sets to one principal, or waits for one as an orphan.
// A built-in one belongs to the built-in group of its organization.
type AccessPolicy struct{ ent.Schema }

// Fields of a policy. The principal is a membership, an application or a group,
// or none.
func (AccessPolicy) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("description").MaxRuneLen(200),
		field.JSON("tags", []string{}),
		field.JSON("rules", []access.Rule{}),
		// A managed policy was made by the platform: with a built-in group or with
		// a project's application.
		field.Bool("managed").Default(false),
		field.Enum("builtin").GoType(access.Builtin("")).Optional().Nillable(),
		optionalReference("membership_id"),
		optionalReference("application_id"),
		optionalReference("group_id"),
		version(),
		createdAt(),
	}
}

// Edges of a policy.
func (AccessPolicy) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("membership", Membership.Type).Ref("policies").Field("membership_id").Unique(),
		edge.From("application", Application.Type).Ref("policies").Field("application_id").Unique(),
		edge.From("group", Group.Type).Ref("policies").Field("group_id").Unique(),
	}
}

// Indexes of a policy.
func (AccessPolicy) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "builtin").Unique().Annotations(entsql.IndexWhere("builtin IS NOT NULL")),
		index.Fields("organization_id"),
		index.Fields("membership_id"),
		index.Fields("application_id"),
		index.Fields("group_id"),
	}
}

// Annotations of a policy.
func (AccessPolicy) Annotations() []entschema.Annotation {
	return table("policies", map[string]string{
		"policy_has_one_principal_at_most": "((CASE WHEN membership_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN application_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN group_id IS NULL THEN 0 ELSE 1 END) <= 1)",
	})
}

// GroupProject lets the members of a group into a project.
type GroupProject struct{ ent.Schema }

// Fields of a group's project.
func (GroupProject) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("group_id"),
		reference("project_id"),
		createdAt(),
	}
}

// Edges of a group's project.
func (GroupProject) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("group", Group.Type).Ref("group_projects").Field("group_id").Unique().Required(),
		edge.From("project", Project.Type).Ref("group_projects").Field("project_id").Unique().Required(),
	}
}

// Indexes of a group's project.
func (GroupProject) Indexes() []ent.Index {
	return []ent.Index{index.Fields("group_id", "project_id").Unique(), index.Fields("project_id")}
}

// Annotations of a group's project.
func (GroupProject) Annotations() []entschema.Annotation { return table("group_projects", nil) }

// APIKey is a secret that a person or an application calls the API with. Only
// its hash is kept.
type APIKey struct{ ent.Schema }

// Fields of an API key. The bearer is a membership or an application. Who made
// it is kept for the journal's sake and may be gone.
func (APIKey) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("access_key").NotEmpty().MaxLen(20).Immutable(),
		field.String("secret_hash").NotEmpty().MaxLen(64).Sensitive(),
		optionalReference("membership_id"),
		optionalReference("application_id"),
		field.String("description").MaxRuneLen(200),
		optionalReference("default_project_id"),
		field.Bool("disabled").Default(false),
		field.Time("expires_at").Optional().Nillable(),
		reference("created_by"),
		field.String("created_ip").MaxLen(45),
		version(),
		createdAt(),
	}
}

// Edges of an API key.
func (APIKey) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("membership", Membership.Type).Ref("api_keys").Field("membership_id").Unique(),
		edge.From("application", Application.Type).Ref("api_keys").Field("application_id").Unique(),
		edge.From("default_project", Project.Type).Ref("default_of_keys").Field("default_project_id").Unique(),
	}
}

// Indexes of an API key.
func (APIKey) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("access_key").Unique(),
		index.Fields("organization_id"),
		index.Fields("membership_id"),
		index.Fields("application_id"),
		index.Fields("created_by"),
	}
}

// Annotations of an API key.
func (APIKey) Annotations() []entschema.Annotation {
	return table("api_keys", map[string]string{
		"api_key_has_one_bearer": "((membership_id IS NULL) <> (application_id IS NULL))",
	})
}

// SSHKey is a public key of a project.
type SSHKey struct{ ent.Schema }

// Fields of an SSH key.
func (SSHKey) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("project_id"),
		field.String("name").NotEmpty().MaxRuneLen(1000),
		field.Text("public_key").NotEmpty().MaxLen(65000).Immutable(),
		field.String("fingerprint").NotEmpty().MaxLen(64).Immutable(),
		field.Bool("disabled").Default(false),
		reference("created_by"),
		version(),
		createdAt(),
	}
}

// Edges of an SSH key.
func (SSHKey) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("project", Project.Type).Ref("ssh_keys").Field("project_id").Unique().Required(),
	}
}

// Indexes of an SSH key.
func (SSHKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("project_id", "fingerprint").Unique(), index.Fields("organization_id")}
}

// Annotations of an SSH key.
func (SSHKey) Annotations() []entschema.Annotation { return table("ssh_keys", nil) }

// Resource is an entry of the registry of what outside systems run in a
// project.
type Resource struct{ ent.Schema }

// Fields of a resource.
func (Resource) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("project_id"),
		optionalReference("group_id"),
		field.String("kind").NotEmpty().MaxRuneLen(200),
		field.String("name").NotEmpty().MaxRuneLen(200),
		field.String("provider").MaxRuneLen(64),
		field.String("region").MaxRuneLen(64),
		field.String("instance_type").MaxRuneLen(64),
		field.String("external_id").MaxRuneLen(400),
		// What a resource that was copied for a new member is to be like.
		field.JSON("spec", map[string]string{}).Default(map[string]string{}).Annotations(entsql.Default("{}")),
		field.Enum("status").Values("ACTIVE", "RELEASED"),
		// What it is expected to cost yet, in a unit of allocations.
		optionalAmount("estimate"),
		field.String("estimate_unit").MaxLen(100).Default("").SchemaType(map[string]string{
			dialect.Postgres: "varchar(100)",
			dialect.SQLite:   "text",
		}),
		reference("created_by"),
		field.Time("released_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a resource.
func (Resource) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.From("project", Project.Type).Ref("resources").Field("project_id").Unique().Required(),
		edge.To("group", Group.Type).Field("group_id").Unique().Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

// Indexes of a resource. An outside system's id is unique among what it has not
// released.
func (Resource) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "provider", "external_id").Unique().StorageKey("resource_external_id").
			Annotations(entsql.IndexWhere("external_id <> '' AND status = 'ACTIVE'")),
		index.Fields("project_id", "status"),
		index.Fields("group_id"),
	}
}

// Annotations of a resource.
func (Resource) Annotations() []entschema.Annotation { return table("resources", nil) }

// AccessRequest is somebody of a managing tier who asks to become a member.
type AccessRequest struct{ ent.Schema }

// Fields of an access request.
func (AccessRequest) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("user_id"),
		field.Enum("builtin").GoType(access.Builtin("")).Optional().Nillable(),
		field.String("reason").MaxRuneLen(1000),
		field.Enum("status").Values("PENDING", "ACCEPTED", "DECLINED", "CANCELLED", "EXPIRED"),
		field.Time("expires_at"),
		field.Time("decided_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of an access request.
func (AccessRequest) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("user", User.Type).Field("user_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of an access request.
func (AccessRequest) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "user_id").Unique().StorageKey("access_request_one_pending").
			Annotations(entsql.IndexWhere("status = 'PENDING'")),
		index.Fields("organization_id"),
		index.Fields("user_id"),
	}
}

// Annotations of an access request.
func (AccessRequest) Annotations() []entschema.Annotation { return table("access_requests", nil) }

// Notice tells the owner of an organization what those above it did or ask.
type Notice struct{ ent.Schema }

// Fields of a notice. The actor and the subject are kept as they were called,
// since they may go.
func (Notice) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("kind").Values("RIGHTS_GRANTED", "ACCESS_REQUESTED", "IMPERSONATED"),
		reference("actor_id"),
		// In which organization the actor holds the rights that were used.
		reference("actor_organization_id"),
		field.String("action").MaxLen(64),
		field.Text("subject").MaxLen(1000),
		createdAt(),
	}
}

// Edges of a notice.
func (Notice) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a notice.
func (Notice) Indexes() []ent.Index { return []ent.Index{index.Fields("organization_id")} }

// Annotations of a notice.
func (Notice) Annotations() []entschema.Annotation { return table("notices", nil) }
