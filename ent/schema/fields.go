package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"github.com/google/uuid"
)

// identity is the primary key of every table that a client can name: a UUIDv7
// chosen by the writer, so that it is known before the row is written.
func identity() ent.Field {
	return field.UUID("id", uuid.UUID{}).Immutable()
}

func reference(name string) ent.Field {
	return field.UUID(name, uuid.UUID{})
}

func optionalReference(name string) ent.Field {
	return field.UUID(name, uuid.UUID{}).Optional().Nillable()
}

// createdAt is when the row was written, in UTC.
func createdAt() ent.Field {
	return field.Time("created_at").Immutable()
}

// version counts the changes of a row from 1, for expectedVersion.
func version() ent.Field {
	return field.Int("version").Default(1).Positive()
}

// amount is a column of exact money: NUMERIC(38,18) on PostgreSQL and text on
// SQLite, where sums are taken by an exact aggregate.
func amount(name string) ent.Field {
	return field.String(name).SchemaType(map[string]string{
		dialect.Postgres: "numeric(38,18)",
		dialect.SQLite:   "text",
	})
}

// sumOfNone is an amount that begins at 0.
func sumOfNone(name string) ent.Field {
	return field.String(name).Default("0").SchemaType(map[string]string{
		dialect.Postgres: "numeric(38,18)",
		dialect.SQLite:   "text",
	})
}

func optionalAmount(name string) ent.Field {
	return field.String(name).Optional().Nillable().SchemaType(map[string]string{
		dialect.Postgres: "numeric(38,18)",
		dialect.SQLite:   "text",
	})
}

// document is a column of JSON that the database stores and does not read.
func document(name string) ent.Field {
	return field.Text(name).SchemaType(map[string]string{
		dialect.Postgres: "jsonb",
		dialect.SQLite:   "json",
	})
}

func optionalDocument(name string) ent.Field {
	return field.Text(name).Optional().Nillable().SchemaType(map[string]string{
		dialect.Postgres: "jsonb",
		dialect.SQLite:   "json",
	})
}

// month is a calendar month written as 2026-11, which sorts as it should.
func month(name string) ent.Field {
	return field.String(name).MaxLen(7).SchemaType(map[string]string{
		dialect.Postgres: "varchar(7)",
		dialect.SQLite:   "text",
	})
}

func optionalMonth(name string) ent.Field {
	return field.String(name).Optional().Nillable().MaxLen(7).SchemaType(map[string]string{
		dialect.Postgres: "varchar(7)",
		dialect.SQLite:   "text",
	})
}

func table(name string, checks map[string]string) []entschema.Annotation {
	return []entschema.Annotation{entsql.Annotation{Table: name, Checks: checks}}
}

// restrict refuses to delete a row that others point at. Like cascade it takes
// effect on an edge.To only; ent passes over it on an edge.From.
func restrict() entschema.Annotation {
	return entsql.OnDelete(entsql.Restrict)
}

// cascade deletes the row with the one it points at.
func cascade() entschema.Annotation {
	return entsql.OnDelete(entsql.Cascade)
}
