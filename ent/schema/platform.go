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

// Announcement is what the platform tells everybody for a time.
type Announcement struct{ ent.Schema }

// Fields of an announcement.
func (Announcement) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("title").NotEmpty().MaxRuneLen(200),
		field.Text("body").MaxLen(10000),
		field.Enum("severity").Values("INFO", "WARNING", "CRITICAL"),
		field.Time("starts_at"),
		field.Time("ends_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of an announcement.
func (Announcement) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of an announcement.
func (Announcement) Indexes() []ent.Index {
	return []ent.Index{index.Fields("organization_id"), index.Fields("starts_at")}
}

// Annotations of an announcement.
func (Announcement) Annotations() []entschema.Annotation { return table("announcements", nil) }

// Activity says that a person was active in an organization in a month.
type Activity struct{ ent.Schema }

// Fields of an activity.
func (Activity) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("user_id"),
		month("month"),
	}
}

// Edges of an activity.
func (Activity) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(cascade()),
	}
}

// Indexes of an activity.
func (Activity) Indexes() []ent.Index {
	return []ent.Index{index.Fields("month", "organization_id", "user_id").Unique(), index.Fields("organization_id")}
}

// Annotations of an activity.
func (Activity) Annotations() []entschema.Annotation { return table("activities", nil) }

// Job is work that is done later, on any process: it is written in the
// transaction that makes it necessary.
type Job struct{ ent.Schema }

// Fields of a job. The payload holds ids and no secrets; it is for those who do
// the work and stays out of the journal. A unique key keeps a second one like it
// from waiting at the same time.
func (Job) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		field.String("kind").NotEmpty().MaxLen(64),
		field.Text("payload").Sensitive().SchemaType(map[string]string{dialect.Postgres: "jsonb", dialect.SQLite: "json"}),
		optionalReference("organization_id"),
		field.String("unique_key").Optional().Nillable().MaxLen(200),
		field.Enum("status").Values("PENDING", "DONE", "FAILED"),
		field.Int("attempts").NonNegative().Default(0),
		// When it is next due. A process that works on it moves this ahead, so
		// that another takes over if it dies.
		field.Time("run_at"),
		field.String("last_error").MaxLen(1000),
		field.Time("finished_at").Optional().Nillable(),
		createdAt(),
	}
}

// Indexes of a job.
func (Job) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("run_at").StorageKey("job_due").Annotations(entsql.IndexWhere("status = 'PENDING'")),
		index.Fields("kind", "unique_key").Unique().StorageKey("job_one_waiting").
			Annotations(entsql.IndexWhere("status = 'PENDING' AND unique_key IS NOT NULL")),
		index.Fields("organization_id"),
		index.Fields("finished_at"),
	}
}

// Annotations of a job.
func (Job) Annotations() []entschema.Annotation { return table("jobs", nil) }
