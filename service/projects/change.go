package projects

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// NewProject is what createProject is asked for.
type NewProject struct {
	Organization uuid.UUID
	Name         string
	// Region is where its resources live, for ever; empty for none.
	Region string
}

// Create makes a project. Needs projects:write. LIMIT_EXCEEDED beyond the
// organization's quota, CONFLICT for a name that is taken.
func (s *Service) Create(ctx context.Context, n NewProject) (*Project, error) {
	org, err := s.records.Check(ctx, access.ProjectsWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := checkText("name", n.Name, 1, maxName); err != nil {
		return nil, err
	}
	if err := checkText("region", n.Region, 0, maxName); err != nil {
		return nil, err
	}
	var row *ent.Project
	_, err = s.db.Write(ctx, database.Entry{Action: "createProject", Organization: n.Organization}, func(ctx context.Context, tx *database.Tx) error {
		if err := records.CheckQuota(ctx, tx, org, records.QuotaProjects, 1); err != nil {
			return err
		}
		var err error
		row, err = tx.Project.Create().
			SetID(s.db.NewID()).SetOrganizationID(n.Organization).SetName(n.Name).SetRegion(n.Region).
			SetStatus(project.StatusACTIVE).SetCreatedAt(s.db.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create project: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Project, ID: row.ID, Organization: n.Organization, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapOne(row), nil
}

// Update is what updateProject is asked for; nil leaves a field as it is.
type Update struct {
	ID              uuid.UUID
	Name            *string
	ExpectedVersion *int
}

// Update renames a project. Needs projects:write. The region stays.
func (s *Service) Update(ctx context.Context, u Update) (*Project, error) {
	found, org, err := s.find(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ProjectsWrite, org.Target().In(orgtree.ID(u.ID))); err != nil {
		return nil, err
	}
	if u.Name != nil {
		if err := checkText("name", *u.Name, 1, maxName); err != nil {
			return nil, err
		}
	}
	var after *ent.Project
	_, err = s.db.Write(ctx, database.Entry{Action: "updateProject", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		after, err = row.Update().SetNillableName(u.Name).SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("update project: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Project, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapOne(after), nil
}

func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Project, error) {
	query := tx.Project.Query().Where(project.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("project")
	}
	if err != nil {
		return nil, fmt.Errorf("lock project: %w", err)
	}
	return row, nil
}

// maxName bounds the names of projects and regions, in characters.
const maxName = 64

// checkText returns nil for a text of least to most printable characters
// without spaces at its ends.
func checkText(field, text string, least, most int) error {
	n := utf8.RuneCountInString(text)
	if n < least || n > most || strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.Invalidf(field, "this has %d to %d printable characters and no space at either end", least, most)
	}
	return nil
}
