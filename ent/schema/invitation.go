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

// Invitation offers a place in an organization to whoever reads an address, or
// the organization itself to one of its administrators.
type Invitation struct{ ent.Schema }

// Fields of an invitation. The person is known where there is an account that
// it is for. It has no secret: the links that are mailed are signed, and name
// how often it was sent, so that only the latest is good.
func (Invitation) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("kind").Values("MEMBERSHIP", "OWNERSHIP_TRANSFER"),
		field.Enum("status").Values("PENDING", "ACCEPTED", "DECLINED", "CANCELLED", "EXPIRED"),
		field.String("email").NotEmpty().MaxLen(254),
		field.String("email_key").NotEmpty().MaxLen(508),
		optionalReference("user_id"),
		// The built-in group and the groups that the person joins.
		field.Enum("builtin").GoType(access.Builtin("")).Optional().Nillable(),
		field.JSON("groups", []string{}).Default([]string{}),
		field.JSON("tags", []string{}).Default([]string{}),
		// What the organization's directory says of the person, where it is the
		// directory that invites; the member will be who it says.
		field.String("external_id").Default("").MaxRuneLen(400),
		field.String("directory_name").Default("").MaxRuneLen(254),
		field.String("directory_key").Default("").MaxRuneLen(508),
		field.String("name").Default("").MaxRuneLen(200),
		field.String("given_name").Default("").MaxRuneLen(200),
		field.String("family_name").Default("").MaxRuneLen(200),
		// Whether the member will be locked.
		field.Bool("locked").Default(false),
		field.Int("sent_count").Default(1).Positive(),
		field.Time("expires_at"),
		// Who invited, as they are known to the journal.
		reference("invited_by"),
		field.Time("decided_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of an invitation.
func (Invitation) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("user", User.Type).Field("user_id").Unique().Annotations(restrict()),
	}
}

// Indexes of an invitation.
func (Invitation) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "email_key").Unique().StorageKey("invitation_one_pending").
			Annotations(entsql.IndexWhere("status = 'PENDING' AND kind = 'MEMBERSHIP'")),
		index.Fields("organization_id").Unique().StorageKey("invitation_one_transfer").
			Annotations(entsql.IndexWhere("status = 'PENDING' AND kind = 'OWNERSHIP_TRANSFER'")),
		index.Fields("organization_id", "created_at"),
		index.Fields("organization_id", "directory_key").Annotations(entsql.IndexWhere("status = 'PENDING' AND directory_key <> ''")),
		index.Fields("email_key"),
		index.Fields("user_id"),
		index.Fields("status", "expires_at"),
	}
}

// Annotations of an invitation.
func (Invitation) Annotations() []entschema.Annotation { return table("invitations", nil) }
