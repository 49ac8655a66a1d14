package database_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/database/dbtest/cluster"
	tables "github.com/headwater-platform/headwater/ent/migrate"
)

// newMigration names the migration to write from the difference between the
// schema and the migrations that exist, such as 0003_add_contacts.
var newMigration = flag.String("new-migration", "", "write the missing migration under this `name`")

func TestMigrationsBuildTheSchema(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := strings.TrimPrefix(dbtest.SQLiteURL(t), "sqlite://")
		compareSchema(t, dialect.SQLite, "sqlite", "file:"+path+"?_pragma=foreign_keys(1)", "sqlite")
	})
	t.Run("postgres", func(t *testing.T) {
		url := cluster.Database(t, func(string) error { return nil })
		compareSchema(t, dialect.Postgres, "postgres", url, "postgres")
	})
}

// compareSchema replays the migrations on an empty database and fails if the
// ent schema differs from what they built.
func compareSchema(t *testing.T, dialectName, driver, source, folder string) {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	target := t.TempDir()
	if *newMigration != "" {
		target = filepath.Join("migrations", folder)
	} else if err := os.CopyFS(target, os.DirFS(filepath.Join("migrations", folder))); err != nil {
		t.Fatal(err)
	}
	dir, err := migrate.NewLocalDir(target)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSum(dir); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Join(target, migrate.HashFileName))
	m, err := schema.NewMigrate(entsql.OpenDB(dialectName, db),
		schema.WithDir(dir),
		schema.WithDialect(dialectName),
		schema.WithMigrationMode(schema.ModeReplay),
		schema.WithFormatter(formatter(t)),
		schema.WithForeignKeys(true),
		schema.WithErrNoPlan(true),
		schema.WithIndent("  "),
	)
	if err != nil {
		t.Fatal(err)
	}
	err = m.NamedDiff(ctx, *newMigration, tables.Tables...)
	switch {
	case errors.Is(err, migrate.ErrNoPlan):
	case err != nil:
		t.Fatal(err)
	case *newMigration == "":
		t.Errorf("the migrations do not build the schema; write the missing one with:\n  go test ./database -run %s -new-migration NNNN_name", t.Name())
		showFiles(t, target)
	}
}

func writeSum(dir migrate.Dir) error {
	sum, err := dir.Checksum()
	if err != nil {
		return err
	}
	return migrate.WriteSumFile(dir, sum)
}

func formatter(t *testing.T) migrate.Formatter {
	t.Helper()
	f, err := migrate.NewTemplateFormatter(
		template.Must(template.New("name").Parse("{{ if .Name }}{{ .Name }}{{ else }}9999_missing{{ end }}.sql")),
		template.Must(template.New("content").Parse("{{ range .Changes }}{{ with .Comment }}-- {{ . }}\n{{ end }}{{ .Cmd }};\n{{ end }}")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func showFiles(t *testing.T, dir string) {
	t.Helper()
	missing, err := os.ReadFile(filepath.Join(dir, "9999_missing.sql"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(missing))
}
