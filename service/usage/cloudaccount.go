package usage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usagemapping"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// AccountStatus is the state of a cloud account.
type AccountStatus string

// The states. The usage of a pending account is not the organization's yet:
// nobody who imports it has said so.
const (
	AccountPending AccountStatus = "PENDING"
	AccountActive  AccountStatus = "ACTIVE"
)

// CloudAccount is a provider's account whose usage is an organization's.
type CloudAccount struct {
	ID                typeid.ID
	Name              string
	Provider          string
	ProviderAccountID string
	Status            AccountStatus
	Organization      *records.Reference
	// Importer is who brings its usage in, nil while it is pending.
	Importer *records.Reference
	// Groups are those that it is shared with, by name; none for the whole
	// organization.
	Groups []*records.GroupReference
	// HasCredentials says that there are credentials, which nobody can read.
	HasCredentials       bool
	CredentialsChangedAt *time.Time
	// LastUsageAt is when usage of it last came in.
	LastUsageAt *time.Time
	CreatedAt   time.Time
	Version     int
	// OrganizationID is whose it is.
	OrganizationID uuid.UUID
}

// Identity returns the id.
func (a *CloudAccount) Identity() typeid.ID { return a.ID }

// Sealer keeps a secret that the platform has to be able to read again; see
// token.Keys. It opens with the same binding only.
type Sealer interface {
	Seal(secret, binding string) (string, error)
}

// SealWith makes the service keep credentials sealed. Without it there are none.
func (s *Service) SealWith(keys Sealer) { s.keys = keys }

// Bounds of cloud accounts.
const (
	maxAccounts     = 500
	maxAccountName  = 100      // characters
	maxCredentials  = 64 << 10 // bytes
	maxSharedGroups = 100
)

// NewCloudAccount is what createCloudAccount is asked for.
type NewCloudAccount struct {
	Organization uuid.UUID
	Name         string
	// Provider is one of the setting cloud.providers.
	Provider string
	// ProviderAccountID is the provider's own id of it: the sub-account of its
	// usage.
	ProviderAccountID string
	// Groups are those that it is shared with; none for the whole organization.
	Groups []uuid.UUID
	// Credentials are kept for who may use the account and never told; "" for none.
	Credentials string
	// Importer is who imports its usage; nil for whom importerFor finds.
	Importer *uuid.UUID
}

func (n NewCloudAccount) check() error {
	if err := checkAccountName(n.Name); err != nil {
		return err
	}
	if !slices.Contains(cloudProviders(), n.Provider) {
		return fault.Invalidf("provider", "the provider is one of %s", strings.Join(cloudProviders(), ", "))
	}
	if !isText(n.ProviderAccountID) || n.ProviderAccountID == "" || len(n.ProviderAccountID) > maxSubAccount {
		return fault.Invalidf("providerAccountId", "the provider's id of the account is a text of 1 to %d bytes", maxSubAccount)
	}
	return checkCredentials(n.Credentials)
}

// cloudProviders returns what the setting cloud.providers may hold.
func cloudProviders() []string {
	definition, _ := catalogue.Lookup("cloud.providers")
	return definition.Default.Elements()
}

func checkAccountName(name string) error {
	if !isText(name) || strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxAccountName {
		return fault.Invalidf("name", "a name has 1 to %d characters", maxAccountName)
	}
	return nil
}

func checkCredentials(credentials string) error {
	if len(credentials) > maxCredentials || !utf8.ValidString(credentials) || strings.ContainsRune(credentials, 0) {
		return fault.Invalidf("credentials", "credentials are a text of at most %d bytes", maxCredentials)
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// CreateCloudAccount enters a provider's account of an organization. Needs
// cloudaccounts:write there. It is ACTIVE, and its usage the organization's, if
// the viewer may map usage in the organization that imports it, at or above it;
// else PENDING until somebody there confirms it: whose a bill is is not for
// the customer to say. INVALID for a bad name, provider, id or group; CONFLICT for
// a name that is taken, and for an account that is somebody's already;
// LIMIT_EXCEEDED beyond 500.
func (s *Service) CreateCloudAccount(ctx context.Context, n NewCloudAccount) (*CloudAccount, error) {
	org, err := s.records.Check(ctx, access.CloudAccountsWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	id := s.db.NewID()
	sealed, err := s.seal(n.Credentials, id)
	if err != nil {
		return nil, err
	}
	importer, err := s.importerFor(ctx, org, n.Importer)
	if err != nil {
		return nil, err
	}
	var row *ent.CloudAccount
	_, err = s.db.Write(ctx, database.Entry{Action: "createCloudAccount", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := checkAccountRoom(ctx, tx, org.ID); err != nil {
			return err
		}
		if err := checkShared(ctx, tx, org.ID, n.Groups); err != nil {
			return err
		}
		create := tx.CloudAccount.Create().
			SetID(id).SetOrganizationID(org.ID).SetName(n.Name).SetProvider(n.Provider).SetProviderAccountID(n.ProviderAccountID).
			SetStatus(cloudaccount.StatusPENDING).SetGroupIds(unique(n.Groups)).SetCredentials(sealed).SetCreatedAt(s.db.Now())
		if sealed != "" {
			create.SetCredentialsAt(s.db.Now())
		}
		if importer != nil {
			create.SetStatus(cloudaccount.StatusACTIVE).SetImporterID(*importer)
		}
		if row, err = create.Save(ctx); err != nil {
			return fmt.Errorf("create cloud account: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.CloudAccount, ID: row.ID, Organization: org.ID, After: row})
		if importer == nil {
			return nil
		}
		return s.mapAccount(ctx, tx, row, *importer)
	})
	if err != nil {
		return nil, err
	}
	return s.wrapAccount(ctx, row)
}

func (s *Service) seal(credentials string, id uuid.UUID) (string, error) {
	if credentials == "" {
		return "", nil
	}
	if s.keys == nil {
		return "", fault.Invalidf("credentials", "this process keeps no credentials")
	}
	return s.keys.Seal(credentials, typeid.New(typeid.CloudAccount, id).String()+" credentials")
}

// importerFor returns who imports the usage of an account of an organization, nil
// if the viewer may not map usage there: the wanted one or, if that is nil, of
// those at and above the organization in which the viewer may map usage the
// nearest that imports any, else the nearest. FORBIDDEN, or NOT_FOUND, for a
// wanted one in which the viewer may not, INVALID for one that is not above.
func (s *Service) importerFor(ctx context.Context, org records.Organization, wanted *uuid.UUID) (*uuid.UUID, error) {
	if wanted != nil {
		importer, err := s.checkImporter(ctx, access.UsageMap, *wanted)
		if err != nil {
			return nil, err
		}
		if !org.Path().Contains(orgtree.ID(importer.ID)) {
			return nil, fault.Invalidf("importerId", "usage is imported by the organization or by one above it")
		}
		return wanted, nil
	}
	candidates, err := s.mayMapAbove(ctx, org)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	var importing []uuid.UUID
	err = s.db.Client().UsageDataset.Query().
		Where(usagedataset.OrganizationIDIn(candidates...), usagedataset.Part(0), usagedataset.StatusEQ(usagedataset.StatusACTIVE)).
		GroupBy(usagedataset.FieldOrganizationID).Scan(ctx, &importing)
	if err != nil {
		return nil, fmt.Errorf("look for imports: %w", err)
	}
	for _, id := range candidates {
		if slices.Contains(importing, id) {
			return &id, nil
		}
	}
	return &candidates[0], nil
}

// mayMapAbove returns the organizations at and above another in which the viewer
// may map usage, the nearest first.
func (s *Service) mayMapAbove(ctx context.Context, org records.Organization) ([]uuid.UUID, error) {
	line := org.Line()
	ids := make([]uuid.UUID, len(line))
	for i, a := range line {
		ids[i] = a.ID
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	var may []uuid.UUID
	for _, id := range slices.Backward(ids) {
		candidate := organizations[id]
		if candidate.Kind.CanManage() && access.Check(access.ViewerFrom(ctx), access.UsageMap, candidate.Target()) == nil {
			may = append(may, id)
		}
	}
	return may, nil
}

func checkAccountRoom(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	n, err := tx.CloudAccount.Query().Where(cloudaccount.OrganizationID(organization)).Count(database.Unguarded(ctx))
	if err != nil {
		return fmt.Errorf("count cloud accounts: %w", err)
	}
	if n >= maxAccounts {
		return fault.New(fault.LimitExceeded, "an organization has at most %d cloud accounts", maxAccounts)
	}
	return nil
}

// checkShared returns nil if all groups are the organization's.
func checkShared(ctx context.Context, tx *database.Tx, organization uuid.UUID, groups []uuid.UUID) error {
	if len(groups) > maxSharedGroups {
		return fault.Invalidf("groupIds", "an account is shared with at most %d groups", maxSharedGroups)
	}
	groups = unique(groups)
	n, err := tx.Group.Query().Where(group.IDIn(groups...), group.OrganizationID(organization)).Count(database.Unguarded(ctx))
	if err != nil {
		return fmt.Errorf("look for groups: %w", err)
	}
	if n != len(groups) {
		return missing("group", "groupIds")
	}
	return nil
}

// unique returns the ids in their order, each once.
func unique(ids []uuid.UUID) []uuid.UUID {
	kept := []uuid.UUID{}
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// mapAccount maps the sub-account of a cloud account to its organization, unless
// it is already. CONFLICT if it is mapped to another, or imported by another.
func (s *Service) mapAccount(ctx context.Context, tx *database.Tx, row *ent.CloudAccount, importer uuid.UUID) error {
	ctx = database.Unguarded(ctx)
	if err := tx.LockMappings(ctx); err != nil {
		return err
	}
	n := NewMapping{SubAccountID: &row.ProviderAccountID, OrganizationID: row.OrganizationID}
	if err := checkUnclaimed(ctx, tx, importer, []NewMapping{n}); fault.CodeOf(err) == fault.Conflict {
		return claimed()
	} else if err != nil {
		return err
	}
	present, err := presentMappings(ctx, tx, importer, []NewMapping{n})
	if err != nil {
		return err
	}
	if mapped := present[n.subject()]; mapped != nil {
		if mapped.OrganizationID != row.OrganizationID {
			return claimed()
		}
		return nil
	}
	if err := tx.LockUsage(ctx, importer); err != nil {
		return err
	}
	if _, err := s.createMapping(ctx, tx, importer, n); err != nil {
		return err
	}
	return attributeAgain(ctx, tx, importer, 0)
}

func claimed() error {
	conflict := fault.New(fault.Conflict, "the account is somebody's already")
	conflict.Field = "providerAccountId"
	return conflict
}

// ConfirmCloudAccount says that the usage of a pending account is its
// organization's. Needs usage:map in the organization that imports it, which is
// the given one or, for nil, found as CreateCloudAccount finds it. FORBIDDEN for
// those who hold that nowhere at or above; CONFLICT for an account that is
// somebody's already.
func (s *Service) ConfirmCloudAccount(ctx context.Context, id uuid.UUID, wanted *uuid.UUID) (*CloudAccount, error) {
	found, org, err := s.findAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	importer, err := s.importerFor(ctx, org, wanted)
	if err != nil {
		return nil, err
	}
	if importer == nil {
		return nil, fault.New(fault.Forbidden, "this needs the permission usage:map where the usage is imported")
	}
	if found.Status == cloudaccount.StatusACTIVE {
		return s.wrapAccount(ctx, found)
	}
	return s.changeAccount(ctx, "confirmCloudAccount", found, func(ctx context.Context, tx *database.Tx, row *ent.CloudAccount) (*ent.CloudAccountUpdateOne, error) {
		return row.Update().SetStatus(cloudaccount.StatusACTIVE).SetImporterID(*importer), s.mapAccount(ctx, tx, row, *importer)
	})
}

// AccountUpdate is what updateCloudAccount is asked for; nil leaves a field as it
// is.
type AccountUpdate struct {
	ID              uuid.UUID
	Name            *string
	Groups          *[]uuid.UUID
	ExpectedVersion *int
}

// UpdateCloudAccount renames a cloud account, and shares it with groups in place
// of those before. Needs cloudaccounts:write.
func (s *Service) UpdateCloudAccount(ctx context.Context, u AccountUpdate) (*CloudAccount, error) {
	if u.Name != nil {
		if err := checkAccountName(*u.Name); err != nil {
			return nil, err
		}
	}
	found, err := s.accountToChange(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return s.changeAccount(ctx, "updateCloudAccount", found, func(ctx context.Context, tx *database.Tx, row *ent.CloudAccount) (*ent.CloudAccountUpdateOne, error) {
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return nil, err
		}
		set := row.Update().SetNillableName(u.Name)
		if u.Groups != nil {
			set.SetGroupIds(unique(*u.Groups))
			return set, checkShared(ctx, tx, row.OrganizationID, *u.Groups)
		}
		return set, nil
	})
}

// RotateCredentials keeps other credentials for a cloud account, "" for none.
// Needs cloudaccounts:write.
func (s *Service) RotateCredentials(ctx context.Context, id uuid.UUID, credentials string) (*CloudAccount, error) {
	if err := checkCredentials(credentials); err != nil {
		return nil, err
	}
	found, err := s.accountToChange(ctx, id)
	if err != nil {
		return nil, err
	}
	sealed, err := s.seal(credentials, id)
	if err != nil {
		return nil, err
	}
	return s.changeAccount(ctx, "rotateCloudAccountCredentials", found, func(_ context.Context, _ *database.Tx, row *ent.CloudAccount) (*ent.CloudAccountUpdateOne, error) {
		return row.Update().SetCredentials(sealed).SetCredentialsAt(s.db.Now()), nil
	})
}

// DeleteCloudAccount deletes a cloud account with its credentials. Its usage stays
// the organization's up to this month. Needs cloudaccounts:write.
func (s *Service) DeleteCloudAccount(ctx context.Context, id uuid.UUID) error {
	found, err := s.accountToChange(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteCloudAccount", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.CloudAccount.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete cloud account: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.CloudAccount, ID: id, Organization: row.OrganizationID, Before: row})
		return s.endMapping(ctx, tx, row)
	})
	return err
}

// endMapping ends the mapping of a cloud account with this month, if it has one
// without an end.
func (s *Service) endMapping(ctx context.Context, tx *database.Tx, row *ent.CloudAccount) error {
	if row.ImporterID == nil {
		return nil
	}
	ctx = database.Unguarded(ctx)
	if err := tx.LockMappings(ctx); err != nil {
		return err
	}
	before, err := tx.UsageMapping.Query().Where(
		usagemapping.ImporterID(*row.ImporterID), usagemapping.SubAccountID(row.ProviderAccountID), usagemapping.TagKey(""),
		usagemapping.OrganizationID(row.OrganizationID), usagemapping.LastMonthIsNil(),
	).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the mapping: %w", err)
	}
	if err := tx.LockUsage(ctx, *row.ImporterID); err != nil {
		return err
	}
	last := pricing.MonthOf(s.db.Now())
	after, err := before.Update().SetLastMonth(last.String()).SetVersion(before.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("end mapping: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.UsageMapping, ID: before.ID, Organization: *row.ImporterID, Before: before, After: after})
	return tx.WantAttributed(ctx, *row.ImporterID, last.Next())
}

// findAccount returns a cloud account that the viewer may see, with its
// organization, or NOT_FOUND.
func (s *Service) findAccount(ctx context.Context, id uuid.UUID) (*ent.CloudAccount, records.Organization, error) {
	row, err := s.db.Client().CloudAccount.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("cloud account")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get cloud account: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if !slices.Contains(access.ViewerFrom(ctx).Allowed(org.Target()), access.CloudAccountsRead) {
		return nil, records.Organization{}, fault.Missing("cloud account")
	}
	return row, org, nil
}

// accountToChange returns a cloud account that the viewer may change.
func (s *Service) accountToChange(ctx context.Context, id uuid.UUID) (*ent.CloudAccount, error) {
	row, org, err := s.findAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.CloudAccountsWrite, org.Target()); err != nil {
		return nil, err
	}
	return row, access.CheckOwnHands(access.ViewerFrom(ctx))
}

func lockAccount(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.CloudAccount, error) {
	query := tx.CloudAccount.Query().Where(cloudaccount.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("cloud account")
	}
	if err != nil {
		return nil, fmt.Errorf("lock cloud account: %w", err)
	}
	return row, nil
}

// changeAccount locks a cloud account, applies a change to it and journals it.
func (s *Service) changeAccount(ctx context.Context, action string, found *ent.CloudAccount, apply func(context.Context, *database.Tx, *ent.CloudAccount) (*ent.CloudAccountUpdateOne, error)) (*CloudAccount, error) {
	var after *ent.CloudAccount
	_, err := s.db.Write(ctx, database.Entry{Action: action, Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAccount(ctx, tx, found.ID)
		if err != nil {
			return err
		}
		set, err := apply(ctx, tx, row)
		if err != nil {
			return err
		}
		if after, err = set.SetVersion(row.Version + 1).Save(ctx); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.CloudAccount, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.wrapAccount(ctx, after)
}
