package organizations

import (
	"context"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
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
// for a slug that is taken and for an owner whose account has not verified its
// address, LIMIT_EXCEEDED beyond the depth of the tree.
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
	if err := checkReference(n.CustomerReference); err != nil {
		return nil, err
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
	if err := roster.CheckEmail("ownerEmail", n.OwnerEmail); err != nil {
		return records.Organization{}, err
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
	parent, err := lockAs(ctx, tx, manager)
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
	row, err := roster.FoundAs(ctx, tx, id, roster.NewOrganization{
		Parent: parent, Kind: n.Kind, Status: orgtree.Active, Name: n.Name, Slug: n.Slug, CustomerReference: n.CustomerReference,
	})
	if err != nil {
		return nil, err
	}
	return row, s.appointOwner(ctx, tx, n, id)
}

// appointOwner makes the viewer or the person with the given e-mail address the
// owner. An address without an account becomes an INVITED one. CONFLICT for an
// account of which nobody knows whose it is.
func (s *Service) appointOwner(ctx context.Context, tx *database.Tx, n NewOrganization, organization uuid.UUID) error {
	owner := uuid.UUID(access.ViewerFrom(ctx).ID)
	if n.ManagedBy != nil {
		var err error
		owner, err = s.invitedOwner(ctx, tx, n.OwnerEmail, organization)
		if err != nil {
			return err
		}
	}
	return roster.Own(ctx, tx, organization, owner)
}

func (s *Service) invitedOwner(ctx context.Context, tx *database.Tx, email string, organization uuid.UUID) (uuid.UUID, error) {
	known, err := roster.AccountByEmail(ctx, tx, email)
	if err != nil {
		return uuid.Nil, err
	}
	if known != nil {
		if !provesAddress(known) {
			return uuid.Nil, fault.New(fault.Conflict, "whoever has the account of this address has not verified it")
		}
		return known.ID, records.Post(ctx, tx, records.Letter{Template: records.OwnerLetter, Organization: organization, User: known.ID})
	}
	row, err := roster.CreateAccount(ctx, tx, roster.NewAccount{Email: email, Home: &organization})
	if err != nil {
		return uuid.Nil, err
	}
	return row.ID, roster.Welcome(ctx, tx, organization, row)
}

// provesAddress reports whether only who reads the address of an account can sign
// in to it: it is verified, or nobody has been there, and the first link goes to
// the address. Anybody can write any address into an account.
func provesAddress(account *ent.User) bool {
	return account.EmailVerifiedAt != nil || account.Status == user.StatusINVITED && account.PasswordHash == ""
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
