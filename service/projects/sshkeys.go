package projects

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// SSHKey is a public key of a project as the API shows it. It belongs to the
// project and not to whoever added it.
type SSHKey struct {
	ID          typeid.ID
	Name        string
	PublicKey   string
	Fingerprint string
	Disabled    bool
	CreatedAt   time.Time
	Version     int
	// ProjectID is the key's project, Projects the set of them that was loaded
	// together; and so CreatorID, of whoever added a key, and Creators.
	ProjectID uuid.UUID
	Projects  *batch.Siblings
	CreatorID uuid.UUID
	Creators  *batch.Siblings
	// OrganizationID is that of the project.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
}

// Identity returns the id.
func (k *SSHKey) Identity() typeid.ID { return k.ID }

// SSHKeyConnection is a page of SSH keys.
type SSHKeyConnection struct {
	Edges    []SSHKeyEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many keys there are on all pages.
func (c *SSHKeyConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// SSHKeyEdge is an SSH key in a page.
type SSHKeyEdge struct {
	Cursor string
	Node   *SSHKey
}

func wrapKeys(rows []*ent.SSHKey) []*SSHKey {
	inProjects, makers, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		inProjects[i], makers[i], homes[i] = row.ProjectID, row.CreatedBy, row.OrganizationID
	}
	projects, creators, organizations := batch.Of(inProjects...), batch.Of(makers...), batch.Of(homes...)
	list := make([]*SSHKey, len(rows))
	for i, row := range rows {
		list[i] = &SSHKey{
			ID: typeid.New(typeid.SSHKey, row.ID), Name: row.Name, PublicKey: row.PublicKey, Fingerprint: row.Fingerprint,
			Disabled: row.Disabled, CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
			ProjectID: row.ProjectID, Projects: projects, CreatorID: row.CreatedBy, Creators: creators,
			OrganizationID: row.OrganizationID, Organizations: organizations,
		}
	}
	return list
}

func wrapKey(row *ent.SSHKey) *SSHKey { return wrapKeys([]*ent.SSHKey{row})[0] }

// SSHKey returns a key of a project in which the viewer holds sshkeys:read, or
// NOT_FOUND.
func (s *Service) SSHKey(ctx context.Context, id uuid.UUID) (*SSHKey, error) {
	row, _, err := s.findKey(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapKey(row), nil
}

// findKey returns a key that the viewer can see and the organization of its
// project.
func (s *Service) findKey(ctx context.Context, id uuid.UUID) (*ent.SSHKey, records.Organization, error) {
	row, err := s.db.Client().SSHKey.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("SSH key")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get SSH key: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.SSHKeysRead, org.Target().In(orgtree.ID(row.ProjectID))); err != nil {
		return nil, records.Organization{}, fault.Missing("SSH key")
	}
	return row, org, nil
}

// SSHKeys returns a page of a project's SSH keys: none for viewers without
// sshkeys:read in it.
func (s *Service) SSHKeys(ctx context.Context, p *Project, args page.Args) (*SSHKeyConnection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, p.Siblings, key{"sshKeys", window}, p.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*SSHKeyConnection, error) {
		return s.keyPages(ctx, ids, window)
	})
}

func (s *Service) keyPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*SSHKeyConnection, error) {
	readable, err := s.records.ProjectsWith(ctx, access.SSHKeysRead, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, sshkey.FieldProjectID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().SSHKey.Query().Where(sshkey.ProjectIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list SSH keys: %w", err)
	}
	parts := batch.Parts(ids, window, wrapKeys(rows),
		func(k *SSHKey) uuid.UUID { return k.ProjectID },
		func(k *SSHKey) string { return order.Cursor("", k.ID.UUID.String()) },
		func(cursor string, k *SSHKey) SSHKeyEdge { return SSHKeyEdge{Cursor: cursor, Node: k} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countKeys(ctx, ids, readable)
		})
	pages := make(map[uuid.UUID]*SSHKeyConnection, len(parts))
	for id, part := range parts {
		pages[id] = &SSHKeyConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countKeys(ctx context.Context, ids, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		ProjectID uuid.UUID `json:"project_id"`
		Count     int       `json:"count"`
	}
	err := s.db.Client().SSHKey.Query().Where(sshkey.ProjectIDIn(readable...)).
		GroupBy(sshkey.FieldProjectID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count SSH keys: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ProjectID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}

// NewSSHKey is what addSshKey is asked for.
type NewSSHKey struct {
	Project uuid.UUID
	Name    string
	// PublicKey is one line of the form that OpenSSH writes.
	PublicKey string
}

// AddSSHKey adds a public key to a project. Needs sshkeys:write in it.
// LIMIT_EXCEEDED beyond the organization's quota, CONFLICT for a key that the
// project has.
func (s *Service) AddSSHKey(ctx context.Context, n NewSSHKey) (*SSHKey, error) {
	found, org, err := s.find(ctx, n.Project)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := access.Check(viewer, access.SSHKeysWrite, org.Target().In(orgtree.ID(n.Project))); err != nil {
		return nil, err
	}
	if err := access.CheckOwnHands(viewer); err != nil {
		return nil, err
	}
	if err := checkText("name", n.Name, 1, maxKeyName); err != nil {
		return nil, err
	}
	line, fingerprint, err := parseKey(n.PublicKey)
	if err != nil {
		return nil, err
	}
	var row *ent.SSHKey
	_, err = s.db.Write(ctx, database.Entry{Action: "addSshKey", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		if err := records.CheckQuota(ctx, tx, org, records.QuotaSSHKeys, 1); err != nil {
			return err
		}
		if _, err := records.HoldProject(ctx, tx, org.ID, n.Project); err != nil {
			return err
		}
		var err error
		row, err = tx.SSHKey.Create().
			SetID(s.db.NewID()).SetOrganizationID(org.ID).SetProjectID(n.Project).
			SetName(n.Name).SetPublicKey(line).SetFingerprint(fingerprint).
			SetCreatedBy(uuid.UUID(viewer.ID)).SetCreatedAt(s.db.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("add SSH key: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SSHKey, ID: row.ID, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapKey(row), nil
}

// SSHKeyUpdate is what updateSshKey is asked for; nil leaves a field as it is.
type SSHKeyUpdate struct {
	ID              uuid.UUID
	Name            *string
	Disabled        *bool
	ExpectedVersion *int
}

// UpdateSSHKey renames, disables or enables a key. Needs sshkeys:write in its
// project.
func (s *Service) UpdateSSHKey(ctx context.Context, u SSHKeyUpdate) (*SSHKey, error) {
	if u.Name != nil {
		if err := checkText("name", *u.Name, 1, maxKeyName); err != nil {
			return nil, err
		}
	}
	var after *ent.SSHKey
	err := s.changeKey(ctx, "updateSshKey", u.ID, func(ctx context.Context, tx *database.Tx, row *ent.SSHKey) error {
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		var err error
		after, err = row.Update().SetNillableName(u.Name).SetNillableDisabled(u.Disabled).SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("update SSH key: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SSHKey, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapKey(after), nil
}

// DeleteSSHKey takes a key from its project. Needs sshkeys:write in it.
func (s *Service) DeleteSSHKey(ctx context.Context, id uuid.UUID) error {
	return s.changeKey(ctx, "deleteSshKey", id, func(ctx context.Context, tx *database.Tx, row *ent.SSHKey) error {
		if err := tx.SSHKey.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete SSH key: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SSHKey, ID: row.ID, Organization: row.OrganizationID, Before: row})
		return nil
	})
}

// changeKey applies a change to a key whose row is locked.
func (s *Service) changeKey(ctx context.Context, action string, id uuid.UUID, apply func(context.Context, *database.Tx, *ent.SSHKey) error) error {
	found, org, err := s.findKey(ctx, id)
	if err != nil {
		return err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.SSHKeysWrite, org.Target().In(orgtree.ID(found.ProjectID))); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.SSHKey.Query().Where(sshkey.ID(id))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return fault.Missing("SSH key")
		}
		if err != nil {
			return fmt.Errorf("lock SSH key: %w", err)
		}
		return apply(ctx, tx, row)
	})
	return err
}
