package schema

import (
	"entgo.io/ent"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// JournalEntry is one change of the platform: who, what, why and when. The id
// is the revision: gap-free and in the order of commits.
type JournalEntry struct{ ent.Schema }

// Fields of a journal entry.
func (JournalEntry) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive(),
		field.Time("at"),
		field.Enum("actor_kind").Values("USER", "APPLICATION", "SYSTEM"),
		optionalReference("actor_id"),
		field.String("actor_name").MaxRuneLen(200),
		// In whose place the actor acted, if in somebody's.
		optionalReference("acting_as_id"),
		field.String("acting_as_name").Optional().MaxRuneLen(200),
		field.String("action").NotEmpty().MaxLen(64),
		reference("organization_id"),
		field.String("reason").MaxLen(500),
		field.String("request_id").MaxLen(100),
	}
}

// Edges of a journal entry.
func (JournalEntry) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("changes", JournalChange.Type).Annotations(restrict()),
	}
}

// Indexes of a journal entry.
func (JournalEntry) Indexes() []ent.Index {
	return []ent.Index{index.Fields("organization_id", "id")}
}

// Annotations of a journal entry.
func (JournalEntry) Annotations() []entschema.Annotation { return table("journal_entries", nil) }

// JournalChange is one row that an entry changed, with its full image before
// and after, secrets left out. An absent image means that the row did not
// exist.
type JournalChange struct{ ent.Schema }

// Fields of a journal change.
func (JournalChange) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("revision"),
		field.Int("sequence").NonNegative(),
		field.String("resource_kind").NotEmpty().MaxLen(32),
		reference("resource_id"),
		reference("organization_id"),
		optionalDocument("before"),
		optionalDocument("after"),
	}
}

// Edges of a journal change.
func (JournalChange) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("entry", JournalEntry.Type).Ref("changes").Field("revision").Unique().Required(),
	}
}

// Indexes of a journal change.
func (JournalChange) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("revision", "sequence").Unique(),
		index.Fields("resource_id", "revision"),
	}
}

// Annotations of a journal change.
func (JournalChange) Annotations() []entschema.Annotation { return table("journal_changes", nil) }

// Counter hands out numbers: the revision of the journal and the blocks of ids
// of bulk tables. It has one row per sequence.
type Counter struct{ ent.Schema }

// Fields of a counter. The instant, in microseconds since 1970, is the time of
// the latest journal entry and zero for other counters.
func (Counter) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").NotEmpty().MaxLen(32),
		field.Int64("value").NonNegative(),
		field.Int64("instant").NonNegative(),
	}
}

// Annotations of a counter.
func (Counter) Annotations() []entschema.Annotation { return table("counters", nil) }
