package roster

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// NewOrganization is an organization to be.
type NewOrganization struct {
	// Parent is nil for the root.
	Parent *ent.Organization
	Kind   orgtree.Kind
	Status orgtree.Status
	Name   string
	// Slug is made from the name if empty.
	Slug              string
	CustomerReference string
	// Personal says that it comes with its owner's account, and NameSource where
	// its name comes from; empty is GIVEN.
	Personal   bool
	NameSource organization.NameSource
}

// Found makes an organization with all that every organization begins with: its
// place in the tree, its default project and its built-in groups. It has no owner
// yet. The tree is locked and the placement checked. CONFLICT for a slug that is
// taken.
func Found(ctx context.Context, tx *database.Tx, n NewOrganization) (*ent.Organization, error) {
	return FoundAs(ctx, tx, tx.NewID(), n)
}

// FoundAs is Found for an organization whose id is known already.
func FoundAs(ctx context.Context, tx *database.Tx, id uuid.UUID, n NewOrganization) (*ent.Organization, error) {
	ctx = system(ctx)
	if n.Slug == "" {
		var err error
		if n.Slug, err = freeSlug(ctx, tx, n.Name); err != nil {
			return nil, err
		}
	}
	if n.NameSource == "" {
		n.NameSource = organization.NameSourceGIVEN
	}
	create := tx.Organization.Create().
		SetID(id).SetKind(n.Kind).SetDepth(0).
		SetName(n.Name).SetSlug(n.Slug).SetStatus(n.Status).SetCustomerReference(n.CustomerReference).
		SetPersonal(n.Personal).SetNameSource(n.NameSource).
		SetCreatedAt(tx.Now())
	if n.Parent != nil {
		create.SetParentID(n.Parent.ID).SetDepth(n.Parent.Depth + 1)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create organization: %w", err)
	}
	tx.About(id)
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: row})
	if err := insertAncestry(ctx, tx, row); err != nil {
		return nil, err
	}
	return row, furnish(ctx, tx, id)
}

// insertAncestry writes the closure rows of a new organization: its own and one
// for each organization above it.
func insertAncestry(ctx context.Context, tx *database.Tx, row *ent.Organization) error {
	builders := []*ent.AncestryCreate{
		tx.Ancestry.Create().SetOrganizationID(row.ID).SetAncestorID(row.ID).SetDistance(0),
	}
	if row.ParentID != nil {
		above, err := tx.Ancestry.Query().Where(ancestry.OrganizationID(*row.ParentID)).All(ctx)
		if err != nil {
			return fmt.Errorf("load ancestry: %w", err)
		}
		for _, a := range above {
			builders = append(builders, tx.Ancestry.Create().
				SetOrganizationID(row.ID).SetAncestorID(a.AncestorID).SetDistance(a.Distance+1))
		}
	}
	if err := tx.Ancestry.CreateBulk(builders...).Exec(ctx); err != nil {
		return fmt.Errorf("create ancestry: %w", err)
	}
	return nil
}

// furnish makes what every organization begins with.
func furnish(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	home, err := tx.Project.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).SetName("default").SetRegion("").
		SetIsDefault(true).SetStatus(project.StatusACTIVE).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create default project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Project, ID: home.ID, Organization: organization, After: home})
	for rank, builtin := range access.Builtins() {
		if err := furnishGroup(ctx, tx, organization, rank, builtin); err != nil {
			return err
		}
	}
	return nil
}

// furnishGroup makes a built-in group with its managed policy.
func furnishGroup(ctx context.Context, tx *database.Tx, organization uuid.UUID, rank int, builtin access.Builtin) error {
	row, err := tx.Group.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).
		SetName(builtin.Label()).SetNameKey(strings.ToLower(builtin.Label())).SetDescription("").
		SetRoles([]access.Role{}).SetRank(rank).SetBuiltin(builtin).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create built-in group: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: organization, After: row})
	policy, err := tx.AccessPolicy.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).
		SetName(builtin.Label()).SetDescription("").SetTags([]string{}).SetRules(builtin.Rules()).
		SetManaged(true).SetBuiltin(builtin).SetGroupID(row.ID).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create built-in policy: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Policy, ID: policy.ID, Organization: organization, After: policy})
	return nil
}

// LockOrganization returns an organization whose row stays locked until the
// transaction ends, or NOT_FOUND.
func LockOrganization(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Organization, error) {
	query := tx.Organization.Query().Where(organization.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("organization")
	}
	if err != nil {
		return nil, fmt.Errorf("lock organization: %w", err)
	}
	return row, nil
}
