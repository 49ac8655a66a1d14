// Package migrations holds the versioned SQL of both databases.
//
// The files are written from the ent schema (see CONTRIBUTING) or by hand where
// ent cannot say what the database shall uphold, are applied in the order of
// their names, and never change once they are released.
package migrations

import "embed"

// Postgres holds the migrations of PostgreSQL in the folder postgres.
//
//go:embed postgres/*.sql
var Postgres embed.FS

// SQLite holds the migrations of SQLite in the folder sqlite.
//
//go:embed sqlite/*.sql
var SQLite embed.FS
