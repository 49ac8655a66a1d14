package people

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
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// NewApplication is what createApplication is asked for.
type NewApplication struct {
	Organization uuid.UUID
	Name         string
	Description  string
}

// CreateApplication makes an application, which has no rights yet. Needs
// applications:write. CONFLICT for a name that is taken.
func (s *Service) CreateApplication(ctx context.Context, n NewApplication) (*Application, error) {
	org, err := s.records.Check(ctx, access.ApplicationsWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := checkApplicationName(n.Name); err != nil {
		return nil, err
	}
	if err := checkDescription(n.Description); err != nil {
		return nil, err
	}
	var row *ent.Application
	_, err = s.db.Write(ctx, database.Entry{Action: "createApplication", Organization: n.Organization}, func(ctx context.Context, tx *database.Tx) error {
		if err := records.CheckQuota(ctx, tx, org, records.QuotaApplications, 1); err != nil {
			return err
		}
		row, err = tx.Application.Create().
			SetID(s.db.NewID()).SetOrganizationID(n.Organization).
			SetName(n.Name).SetDescription(n.Description).SetCreatedAt(s.db.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create application: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: n.Organization, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapApplications([]*ent.Application{row})[0], nil
}

// ApplicationUpdate is what updateApplication is asked for; nil leaves a field as it is.
type ApplicationUpdate struct {
	ID              uuid.UUID
	Name            *string
	Description     *string
	Tags            []string
	ExpectedVersion *int
}

// UpdateApplication changes the name, the description or the tags. Needs applications:write and the
// right to grant what the application was given. MANAGED_READONLY for one that
// the platform made.
func (s *Service) UpdateApplication(ctx context.Context, u ApplicationUpdate) (*Application, error) {
	found, org, err := s.findApplication(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var after *ent.Application
	_, err = s.db.Write(ctx, database.Entry{Action: "updateApplication", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockForChange(ctx, tx, u.ID, org, "updateApplication")
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		set := row.Update().SetVersion(row.Version + 1)
		if u.Name != nil {
			if err := checkApplicationName(*u.Name); err != nil {
				return err
			}
			set.SetName(*u.Name)
		}
		if u.Description != nil {
			if err := checkDescription(*u.Description); err != nil {
				return err
			}
			set.SetDescription(*u.Description)
		}
		if u.Tags != nil {
			if err := roster.CheckTags(u.Tags); err != nil {
				return err
			}
			set.SetTags(u.Tags)
		}
		if after, err = set.Save(ctx); err != nil {
			return fmt.Errorf("update application: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapApplications([]*ent.Application{after})[0], nil
}

// DeleteApplication removes an application with its keys and its places in groups; its
// policies stay as orphans. Needs what UpdateApplication needs.
func (s *Service) DeleteApplication(ctx context.Context, id uuid.UUID) error {
	found, org, err := s.findApplication(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteApplication", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockForChange(ctx, tx, id, org, "deleteApplication")
		if err != nil {
			return err
		}
		return removeApplication(ctx, tx, row)
	})
	if err != nil {
		return err
	}
	if viewer := access.ViewerFrom(ctx); viewer.ID == orgtree.ID(id) {
		access.Renew(ctx, access.Viewer{}) // It has deleted itself.
		return nil
	}
	return s.records.Renew(ctx)
}

func removeApplication(ctx context.Context, tx *database.Tx, row *ent.Application) error {
	keys, err := tx.APIKey.Query().Where(apikey.ApplicationID(row.ID)).Order(ent.Asc(apikey.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load API keys: %w", err)
	}
	for _, key := range keys {
		if err := tx.APIKey.DeleteOne(key).Exec(ctx); err != nil {
			return fmt.Errorf("delete API key: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: row.OrganizationID, Before: key})
	}
	if err := records.OrphanPolicies(ctx, tx, records.Recipients{Applications: []uuid.UUID{row.ID}}); err != nil {
		return err
	}
	places, err := tx.GroupMember.Query().Where(groupmember.ApplicationID(row.ID)).Order(ent.Asc(groupmember.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups of application: %w", err)
	}
	for _, place := range places {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: row.OrganizationID, Before: place})
	}
	if err := tx.Application.DeleteOne(row).Exec(ctx); err != nil {
		return fmt.Errorf("delete application: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: row.OrganizationID, Before: row})
	return nil
}

// findApplication returns an application that the viewer can see and may change, and its
// organization.
func (s *Service) findApplication(ctx context.Context, id uuid.UUID) (*ent.Application, records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := s.db.Client().Application.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("application")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get application: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if viewer.ID != orgtree.ID(id) && access.Check(viewer, access.ApplicationsRead, org.Target()) != nil {
		return nil, records.Organization{}, fault.Missing("application")
	}
	return row, org, access.Check(viewer, access.ApplicationsWrite, org.Target())
}

// lockForChange locks an application that the viewer may change: one that the
// platform did not make, and that was given nothing which the viewer lacks.
func lockForChange(ctx context.Context, tx *database.Tx, id uuid.UUID, org records.Organization, action string) (*ent.Application, error) {
	row, err := lockApplication(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if row.Managed {
		return nil, managedReadonly("this application was made for a project and goes with it")
	}
	grants, err := records.GrantsOf(ctx, row)
	if err != nil {
		return nil, err
	}
	return row, records.CheckGranting(ctx, tx, org, records.Granting{Grants: grants, Action: action, Subject: row.Name})
}

func lockApplication(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Application, error) {
	query := tx.Application.Query().Where(application.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("application")
	}
	if err != nil {
		return nil, fmt.Errorf("lock application: %w", err)
	}
	return row, nil
}

func managedReadonly(message string) error {
	return fault.New(fault.Conflict, "%s", message).Because(fault.ManagedReadonly)
}

// maxApplicationName is in characters, as of everything that has a name in an organization.
const maxApplicationName = 64

func checkApplicationName(name string) error {
	length := utf8.RuneCountInString(name)
	unprintable := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if length < 1 || length > maxApplicationName || unprintable || strings.TrimSpace(name) != name {
		return fault.Invalidf("name", "a name has 1 to %d printable characters and no space at either end", maxApplicationName)
	}
	return nil
}

const maxDescription = 200

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > maxDescription {
		return fault.Invalidf("description", "a description has at most %d characters", maxDescription)
	}
	return nil
}
