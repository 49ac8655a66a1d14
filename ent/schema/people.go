package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/headwater-platform/headwater/access"
)

// User is the one account of a person. The person joins organizations through
// memberships.
type User struct{ ent.Schema }

// Fields of a user. The key columns hold the lower-case form that is unique.
func (User) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		field.String("username").NotEmpty().MaxLen(64),
		field.String("username_key").NotEmpty().MaxLen(64),
		field.String("email").NotEmpty().MaxLen(254),
		field.String("email_key").NotEmpty().MaxLen(508),
		field.String("name").MaxRuneLen(200),
		// A deleted account is a tombstone: its username and address are free again.
		field.Enum("status").Values("INVITED", "ACTIVE", "LOCKED", "DELETED"),
		optionalReference("home_organization_id"),
		field.Time("email_verified_at").Optional().Nillable(),
		field.String("password_hash").Optional().Sensitive(),
		// Who set the password, unless the person did: a user or an application.
		optionalReference("credentials_set_by"),
		// Counts what makes links that were mailed before worthless: changes of the
		// password and of the address.
		field.Int("credentials_version").Default(1).Positive(),
		field.Bool("mfa_enabled").Default(false),
		// The secret of one-time codes, sealed; there may be one that is not yet
		// confirmed.
		field.String("totp_secret").Optional().Sensitive(),
		// The step of the last code that was taken, which is never taken again.
		field.Int64("totp_step").Default(0),
		// The hashes of the recovery codes that are left.
		field.JSON("recovery_codes", []string{}).Optional().Sensitive(),
		field.Time("last_login_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a user.
func (User) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("memberships", Membership.Type).Annotations(restrict()),
		edge.To("home_organization", Organization.Type).Field("home_organization_id").Unique().Annotations(restrict()),
		edge.To("sessions", Session.Type).Annotations(cascade()),
	}
}

// Indexes of a user.
func (User) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("username_key").Unique().Annotations(entsql.IndexWhere("status <> 'DELETED'")),
		index.Fields("email_key").Unique().Annotations(entsql.IndexWhere("status <> 'DELETED'")),
		index.Fields("home_organization_id"),
	}
}

// Annotations of a user.
func (User) Annotations() []entschema.Annotation { return table("users", nil) }

// Membership is a person's place in one organization. Exactly one membership
// of an organization may be its owner.
type Membership struct{ ent.Schema }

// Fields of a membership.
func (Membership) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("user_id"),
		field.Bool("owner").Default(false),
		field.Bool("locked").Default(false),
		// Why it is locked; empty unless it is.
		field.Enum("lock_reason").Values("MANUAL", "FAILED_SIGN_INS", "GRACE_EXPIRED").Optional().Nillable(),
		// Until when the person has time to do what the organization demands of
		// sign-ins, if they have not done it.
		field.Time("grace_until").Optional().Nillable(),
		// A member without a seat starts no resources.
		field.Bool("seated").Default(true),
		field.JSON("tags", []string{}).Default([]string{}).Annotations(entsql.Default("[]")),
		// What the organization's directory says of the person: its id for them, the
		// name they sign in with there and the parts of theirs. The key is the
		// lower-case form that is unique.
		field.String("external_id").Default("").MaxRuneLen(400),
		field.String("directory_name").Default("").MaxRuneLen(254),
		field.String("directory_key").Default("").MaxRuneLen(508),
		field.String("given_name").Default("").MaxRuneLen(200),
		field.String("family_name").Default("").MaxRuneLen(200),
		version(),
		createdAt(),
	}
}

// Edges of a membership.
func (Membership) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("organization", Organization.Type).Ref("memberships").Field("organization_id").Unique().Required(),
		edge.From("user", User.Type).Ref("memberships").Field("user_id").Unique().Required(),
		edge.To("group_members", GroupMember.Type).Annotations(cascade()),
		edge.To("policies", AccessPolicy.Type).Annotations(restrict()),
		edge.To("api_keys", APIKey.Type).Annotations(restrict()),
	}
}

// Indexes of a membership.
func (Membership) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "user_id").Unique(),
		index.Fields("user_id"),
		index.Fields("organization_id", "external_id").Unique().StorageKey("membership_external_id").
			Annotations(entsql.IndexWhere("external_id <> ''")),
		index.Fields("organization_id", "directory_key").Unique().StorageKey("membership_directory_name").
			Annotations(entsql.IndexWhere("directory_key <> ''")),
		index.Fields("organization_id").Unique().StorageKey("membership_one_owner").
			Annotations(entsql.IndexWhere("owner")),
	}
}

// Annotations of a membership.
func (Membership) Annotations() []entschema.Annotation { return table("memberships", nil) }

// Application is a principal that is not a person. It belongs to one
// organization and outlives whoever made it.
type Application struct{ ent.Schema }

// Fields of an application.
func (Application) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("description").MaxRuneLen(200),
		field.JSON("tags", []string{}).Default([]string{}).Annotations(entsql.Default("[]")),
		// A managed application was made with its project and goes with it.
		field.Bool("managed").Default(false),
		optionalReference("project_id"),
		version(),
		createdAt(),
	}
}

// Edges of an application.
func (Application) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("organization", Organization.Type).Ref("applications").Field("organization_id").Unique().Required(),
		edge.From("project", Project.Type).Ref("applications").Field("project_id").Unique(),
		edge.To("group_members", GroupMember.Type).Annotations(cascade()),
		edge.To("policies", AccessPolicy.Type).Annotations(restrict()),
		edge.To("api_keys", APIKey.Type).Annotations(restrict()),
	}
}

// Indexes of an application.
func (Application) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique(),
		index.Fields("project_id").Unique().Annotations(entsql.IndexWhere("project_id IS NOT NULL")),
	}
}

// Annotations of an application.
func (Application) Annotations() []entschema.Annotation { return table("applications", nil) }

// Group holds users and applications of one organization and gives them roles.
type Group struct{ ent.Schema }

// Fields of a group. A member of several groups takes their settings in the
// order of rank, then id.
func (Group) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("name_key").NotEmpty().MaxRuneLen(128),
		field.String("description").MaxRuneLen(200),
		field.JSON("roles", []access.Role{}),
		field.Int("rank").NonNegative(),
		field.JSON("tags", []string{}).Default([]string{}).Annotations(entsql.Default("[]")),
		// What the organization's directory calls the group.
		field.String("external_id").Default("").MaxRuneLen(400),
		field.Enum("builtin").GoType(access.Builtin("")).Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a group.
func (Group) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("organization", Organization.Type).Ref("groups").Field("organization_id").Unique().Required(),
		edge.To("members", GroupMember.Type).Annotations(cascade()),
		edge.To("group_projects", GroupProject.Type).Annotations(cascade()),
		edge.To("policies", AccessPolicy.Type).Annotations(restrict()),
	}
}

// Indexes of a group.
func (Group) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name_key").Unique(),
		index.Fields("organization_id", "builtin").Unique().Annotations(entsql.IndexWhere("builtin IS NOT NULL")),
		index.Fields("organization_id", "rank"),
		index.Fields("organization_id", "external_id").Unique().StorageKey("group_external_id").
			Annotations(entsql.IndexWhere("external_id <> ''")),
	}
}

// Annotations of a group.
func (Group) Annotations() []entschema.Annotation { return table("groups", nil) }

// GroupMember is one user or one application in a group. A user belongs to a
// group through the membership, so that leaving the organization leaves its
// groups.
type GroupMember struct{ ent.Schema }

// Fields of a group member.
func (GroupMember) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("group_id"),
		optionalReference("membership_id"),
		optionalReference("application_id"),
		createdAt(),
	}
}

// Edges of a group member.
func (GroupMember) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("group", Group.Type).Ref("members").Field("group_id").Unique().Required(),
		edge.From("membership", Membership.Type).Ref("group_members").Field("membership_id").Unique(),
		edge.From("application", Application.Type).Ref("group_members").Field("application_id").Unique(),
	}
}

// Indexes of a group member.
func (GroupMember) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("group_id", "membership_id").Unique().Annotations(entsql.IndexWhere("membership_id IS NOT NULL")),
		index.Fields("group_id", "application_id").Unique().Annotations(entsql.IndexWhere("application_id IS NOT NULL")),
		index.Fields("membership_id"),
		index.Fields("application_id"),
	}
}

// Annotations of a group member.
func (GroupMember) Annotations() []entschema.Annotation {
	return table("group_members", map[string]string{
		"group_member_is_one_principal": "((membership_id IS NULL) <> (application_id IS NULL))",
	})
}

// Project is a container inside one organization. Every organization has one
// default project.
type Project struct{ ent.Schema }

// Fields of a project.
func (Project) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("region").MaxRuneLen(64),
		field.Bool("is_default").Default(false),
		field.Enum("status").Values("ACTIVE", "DELETING"),
		version(),
		createdAt(),
	}
}

// Edges of a project.
func (Project) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("organization", Organization.Type).Ref("projects").Field("organization_id").Unique().Required(),
		edge.To("group_projects", GroupProject.Type).Annotations(cascade()),
		edge.To("applications", Application.Type).Annotations(restrict()),
		edge.To("ssh_keys", SSHKey.Type).Annotations(cascade()),
		edge.To("resources", Resource.Type).Annotations(restrict()),
		edge.To("default_of_keys", APIKey.Type).Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

// Indexes of a project.
func (Project) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique(),
		index.Fields("organization_id").Unique().StorageKey("project_one_default").
			Annotations(entsql.IndexWhere("is_default")),
	}
}

// Annotations of a project.
func (Project) Annotations() []entschema.Annotation { return table("projects", nil) }
