package organizations

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// NewOrganization is what createOrganization is asked for.
type NewOrganization struct {
	// ManagedBy is nil for a standalone organization that the viewer owns.
	ManagedBy         *uuid.UUID
	Name              string
	Slug              string
	Kind              orgtree.Kind
	OwnerEmail        string
	CustomerReference string
}

// Create makes an organization with its default project, its built-in groups
// and its owner. FORBIDDEN without the right, INVALID for bad names, CONFLICT
// for a slug that is taken, LIMIT_EXCEEDED beyond the depth of the tree.
func (s *Service) Create(ctx context.Context, n NewOrganization) (*Organization, error) {
	if n.Kind == "" {
		n.Kind = orgtree.Standard
	}
	if err := checkName(n.Name); err != nil {
		return nil, err
	}
	if n.Slug != "" {
		if err := checkSlug(n.Slug); err != nil {
			return nil, err
		}
	}
	manager, err := s.managerOf(ctx, n)
	if err != nil {
		return nil, err
	}
	if n.Kind == orgtree.Partner {
		if err := s.checkPlatform(ctx); err != nil {
			return nil, err
		}
	}
	var row *ent.Organization
	_, err = s.db.Write(ctx, database.Entry{Action: "createOrganization", Organization: manager.ID}, func(ctx context.Context, tx *database.Tx) error {
		// The new owner of a standalone organization does not see the root, and
		// the account of an owner may live anywhere; the rights were checked.
		ctx = database.Unguarded(ctx)
		var err error
		row, err = s.create(ctx, tx, n, manager)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.records.Renew(ctx); err != nil {
		return nil, err
	}
	return wrapOne(row), nil
}

// managerOf returns the organization under which the new one shall stand, after
// the checks that differ between managed and standalone ones.
func (s *Service) managerOf(ctx context.Context, n NewOrganization) (records.Organization, error) {
	if n.ManagedBy == nil {
		return s.standaloneParent(ctx)
	}
	manager, err := s.records.Check(ctx, access.PartnerCreate, *n.ManagedBy)
	if err != nil {
		return records.Organization{}, err
	}
	if n.OwnerEmail == "" {
		return records.Organization{}, fault.Invalidf("ownerEmail", "a managed organization needs the e-mail address of its owner")
	}
	if address, err := mail.ParseAddress(n.OwnerEmail); err != nil || address.Address != n.OwnerEmail || len(n.OwnerEmail) > 254 {
		return records.Organization{}, fault.Invalidf("ownerEmail", "this is no e-mail address")
	}
	return manager, nil
}

// selfService is the setting that lets people make organizations themselves.
const selfService = "platform.self_service_organizations"

func (s *Service) standaloneParent(ctx context.Context) (records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if viewer.Kind == access.Application {
		return records.Organization{}, fault.New(fault.Forbidden, "an application cannot own an organization")
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return records.Organization{}, err
	}
	allowed, err := s.records.Value(ctx, root, selfService)
	if err != nil {
		return records.Organization{}, err
	}
	if !allowed.Bool() {
		return records.Organization{}, fault.New(fault.Forbidden, "on this platform organizations are made by their managers")
	}
	return root, nil
}

// checkPlatform returns FORBIDDEN for viewers who may not make partners.
func (s *Service) checkPlatform(ctx context.Context) error {
	root, err := s.records.Root(ctx)
	if err != nil {
		return err
	}
	err = access.Check(access.ViewerFrom(ctx), access.PlatformWrite, root.Target())
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.Forbidden, "only platform administrators make partners")
	}
	return err
}

func (s *Service) create(ctx context.Context, tx *database.Tx, n NewOrganization, manager records.Organization) (*ent.Organization, error) {
	// Two at once must not find the same free slug or username.
	if err := tx.LockTree(ctx); err != nil {
		return nil, err
	}
	parent, err := lockRow(ctx, tx, manager.ID)
	if err != nil {
		return nil, err
	}
	id := s.db.NewID()
	if n.ManagedBy == nil && n.Kind != orgtree.Standard {
		return nil, fault.Invalidf("kind", "a standalone organization is STANDARD")
	}
	if err := orgtree.CheckPlacement(orgtree.ID(id), n.Kind, 0, manager.Path(), parent.Kind, s.maxDepth); err != nil {
		return nil, err
	}
	if n.Slug == "" {
		n.Slug, err = freeSlug(ctx, tx, n.Name)
		if err != nil {
			return nil, err
		}
	}
	row, err := tx.Organization.Create().
		SetID(id).SetKind(n.Kind).SetParentID(parent.ID).SetDepth(parent.Depth + 1).
		SetName(n.Name).SetSlug(n.Slug).SetStatus(orgtree.Active).SetCustomerReference(n.CustomerReference).
		SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create organization: %w", err)
	}
	tx.About(id)
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: row})
	if err := insertAncestry(ctx, tx, row); err != nil {
		return nil, err
	}
	if err := s.furnish(ctx, tx, id); err != nil {
		return nil, err
	}
	return row, s.appointOwner(ctx, tx, n, id)
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

// furnish makes what every organization begins with: its default project and
// its built-in groups.
func (s *Service) furnish(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	now := s.db.Now()
	home, err := tx.Project.Create().
		SetID(s.db.NewID()).SetOrganizationID(organization).SetName("default").SetRegion("").
		SetIsDefault(true).SetStatus(project.StatusACTIVE).SetCreatedAt(now).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create default project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Project, ID: home.ID, Organization: organization, After: home})
	for rank, builtin := range access.Builtins() {
		row, err := tx.Group.Create().
			SetID(s.db.NewID()).SetOrganizationID(organization).
			SetName(builtin.Label()).SetNameKey(strings.ToLower(builtin.Label())).SetDescription("").
			SetRoles([]access.Role{}).SetRank(rank).SetBuiltin(builtin).SetCreatedAt(now).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create built-in group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: organization, After: row})
		policy, err := tx.AccessPolicy.Create().
			SetID(s.db.NewID()).SetOrganizationID(organization).
			SetName(builtin.Label()).SetDescription("").SetTags([]string{}).SetRules(builtin.Rules()).
			SetManaged(true).SetBuiltin(builtin).SetGroupID(row.ID).SetCreatedAt(now).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create built-in policy: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Policy, ID: policy.ID, Organization: organization, After: policy})
	}
	return nil
}

// appointOwner makes the viewer or the person with the given e-mail address the
// owner. An address without an account becomes an INVITED one.
func (s *Service) appointOwner(ctx context.Context, tx *database.Tx, n NewOrganization, organization uuid.UUID) error {
	owner := uuid.UUID(access.ViewerFrom(ctx).ID)
	if n.ManagedBy != nil {
		var err error
		owner, err = s.invitedOwner(ctx, tx, n.OwnerEmail, organization)
		if err != nil {
			return err
		}
	}
	return s.createOwner(ctx, tx, organization, owner)
}

func (s *Service) createOwner(ctx context.Context, tx *database.Tx, organization, owner uuid.UUID) error {
	row, err := tx.Membership.Create().
		SetID(s.db.NewID()).SetOrganizationID(organization).SetUserID(owner).SetOwner(true).SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create owner: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: organization, After: row})
	return nil
}

func (s *Service) invitedOwner(ctx context.Context, tx *database.Tx, email string, organization uuid.UUID) (uuid.UUID, error) {
	id, err := tx.User.Query().Where(user.EmailKey(strings.ToLower(email))).OnlyID(ctx)
	if err == nil {
		return id, nil
	}
	if !ent.IsNotFound(err) {
		return uuid.Nil, fmt.Errorf("find owner: %w", err)
	}
	username, err := freeUsername(ctx, tx, email)
	if err != nil {
		return uuid.Nil, err
	}
	row, err := tx.User.Create().
		SetID(s.db.NewID()).
		SetUsername(username).SetUsernameKey(strings.ToLower(username)).
		SetEmail(email).SetEmailKey(strings.ToLower(email)).
		SetName(username).SetStatus(user.StatusINVITED).SetHomeOrganizationID(organization).
		SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("create owner's account: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.User, ID: row.ID, Organization: organization, After: row})
	return row.ID, nil
}

// lockRow returns an organization whose row stays locked until the transaction
// ends, so that its kind and place hold while something is put below it.
func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Organization, error) {
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

func checkName(name string) error {
	if n := len([]rune(name)); n < 1 || n > 100 || strings.TrimSpace(name) != name {
		return fault.Invalidf("name", "a name has 1 to 100 characters and no space at either end")
	}
	return nil
}

// slugPattern is what a slug looks like.
func slugPattern() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9-]{3,63}$`) }

func checkSlug(slug string) error {
	if !slugPattern().MatchString(slug) {
		return fault.Invalidf("slug", "a slug has 3 to 63 characters of a-z, 0-9 and -")
	}
	return nil
}

// attempts bounds the search for a free slug or username.
const attempts = 1000

// freeSlug returns a slug made from a name that nobody has.
func freeSlug(ctx context.Context, tx *database.Tx, name string) (string, error) {
	base := shorten(plain(name, '-'), 55)
	if len(base) < 3 {
		base = "org-" + base
	}
	return firstFree(base, "-", func(slug string) (bool, error) {
		return tx.Organization.Query().Where(organization.Slug(slug)).Exist(ctx)
	})
}

// freeUsername returns a username made from an e-mail address that nobody has.
func freeUsername(ctx context.Context, tx *database.Tx, email string) (string, error) {
	local, _, _ := strings.Cut(email, "@")
	base := shorten(plain(local, '.'), 55)
	if base == "" {
		base = "owner"
	}
	return firstFree(base, ".", func(username string) (bool, error) {
		return tx.User.Query().Where(user.UsernameKey(username)).Exist(ctx)
	})
}

func firstFree(base, separator string, taken func(string) (bool, error)) (string, error) {
	candidate := base
	for n := 2; n < attempts; n++ {
		used, err := taken(candidate)
		if err != nil {
			return "", fmt.Errorf("look for a free name: %w", err)
		}
		if !used {
			return candidate, nil
		}
		candidate = fmt.Sprintf("%s%s%d", base, separator, n)
	}
	return "", errors.New("no free name was found")
}

// plain returns the text in lower case, letters without their accents, and with
// everything but a to z and digits turned into single separators.
func plain(text string, separator rune) string {
	var b strings.Builder
	pending := false
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			if pending && b.Len() > 0 {
				b.WriteRune(separator)
			}
			pending = false
			b.WriteRune(r)
			continue
		}
		pending = true
	}
	return b.String()
}

func shorten(text string, n int) string { return text[:min(len(text), n)] }
