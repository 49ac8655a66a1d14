package keys

import (
	"cmp"
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// NewKey is what createApiKey is asked for. Without an application and a project
// it is a key of whoever asks.
type NewKey struct {
	Organization   uuid.UUID
	Application    *uuid.UUID
	Project        *uuid.UUID
	Description    string
	ExpiresAt      *time.Time
	DefaultProject *uuid.UUID
}

// Create makes a key and returns it with its text, which nobody can read
// again. For oneself it takes membership; for an application apikeys:write, and
// for a project projectkeys:write in it, both together with all rights of the
// bearer, since they come into the hands of whoever asks: nobody makes one in
// somebody else's place. INVALID for an end that is past or later than the
// organization allows.
func (s *Service) Create(ctx context.Context, n NewKey) (*Key, string, error) {
	org, err := s.records.Check(ctx, access.OrgRead, n.Organization)
	if err != nil {
		return nil, "", err
	}
	viewer := access.ViewerFrom(ctx)
	if err := cmp.Or(access.CheckOwnHands(viewer), checkMaking(viewer, n, org)); err != nil {
		return nil, "", err
	}
	if err := checkDescription(n.Description); err != nil {
		return nil, "", err
	}
	if err := s.checkLife(ctx, n.ExpiresAt, org); err != nil {
		return nil, "", err
	}
	secret, err := token.NewAPIKey(s.random)
	if err != nil {
		return nil, "", err
	}
	id := s.db.NewID()
	_, err = s.db.Write(ctx, database.Entry{Action: "createApiKey", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		return s.create(ctx, tx, n, org, id, secret)
	})
	if err != nil {
		return nil, "", err
	}
	key, err := s.Get(ctx, id)
	return key, secret.Text(), err
}

// checkMaking returns nil if the viewer may make keys for the bearer that is
// asked for, apart from the rule against escalation.
func checkMaking(viewer access.Viewer, n NewKey, org records.Organization) error {
	switch {
	case n.Application != nil && n.Project != nil:
		return fault.Invalidf("projectId", "a key is of an application or of a project")
	case n.Application != nil:
		return access.Check(viewer, access.APIKeysWrite, org.Target())
	case n.Project != nil:
		return access.Check(viewer, access.ProjectKeysWrite, org.Target().In(orgtree.ID(*n.Project)))
	case viewer.Kind != access.User:
		return fault.Invalidf("applicationId", "only a person has keys of their own: name an application or a project")
	default:
		return access.CheckSelf(viewer, org.Target())
	}
}

const maxDescription = 200

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > maxDescription {
		return fault.Invalidf("description", "a description has at most %d characters", maxDescription)
	}
	return nil
}

// The setting that bounds the life of new keys, and its value for no bound.
const (
	maxDuration = "authentication.api_key_max_duration"
	unlimited   = 36500 * 24 * time.Hour
)

// checkLife returns nil if a new key may live until the end, nil for ever.
func (s *Service) checkLife(ctx context.Context, end *time.Time, org records.Organization) error {
	now := s.db.Now()
	if err := checkEnd(now, end); err != nil {
		return err
	}
	value, err := s.records.Value(ctx, org, maxDuration)
	if err != nil {
		return err
	}
	longest := time.Duration(value.Int()) * time.Second
	switch {
	case longest >= unlimited:
		return nil
	case end == nil || end.After(now.Add(longest)):
		return fault.Invalidf("expiresAt", "a key of this organization ends after %s at the latest, as its setting %s says", value, maxDuration)
	}
	return nil
}

func checkEnd(now time.Time, end *time.Time) error {
	if end != nil && !end.After(now) {
		return fault.Invalidf("expiresAt", "a key ends in the future")
	}
	return nil
}

// create makes a key within a transaction.
func (s *Service) create(ctx context.Context, tx *database.Tx, n NewKey, org records.Organization, id uuid.UUID, secret token.APIKey) error {
	if err := records.CheckQuota(ctx, tx, org, records.QuotaAPIKeys, 1); err != nil {
		return err
	}
	create := tx.APIKey.Create().
		SetID(id).SetOrganizationID(org.ID).SetAccessKey(secret.AccessKey()).SetSecretHash(secret.Hash()).
		SetDescription(n.Description).SetNillableExpiresAt(n.ExpiresAt).SetNillableDefaultProjectID(n.DefaultProject).
		SetCreatedAt(s.db.Now())
	if err := s.setBearer(ctx, tx, create, n, org); err != nil {
		return err
	}
	if n.DefaultProject != nil {
		if err := lockDefaultProject(ctx, tx, org, *n.DefaultProject); err != nil {
			return err
		}
	}
	by, err := records.Maker(ctx, tx)
	if err != nil {
		return err
	}
	row, err := create.SetCreatedBy(by).SetCreatedIP(addressOf(ctx)).Save(ctx)
	if err != nil {
		return fmt.Errorf("create API key: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.APIKey, ID: row.ID, Organization: org.ID, After: row})
	return nil
}

// setBearer finds the bearer, locks it against going meanwhile, and returns an
// error unless the viewer may hold its rights.
func (s *Service) setBearer(ctx context.Context, tx *database.Tx, create *ent.APIKeyCreate, n NewKey, org records.Organization) error {
	if n.Application == nil && n.Project == nil {
		member, err := lockMembership(ctx, tx, org)
		if err != nil {
			return err
		}
		create.SetMembershipID(member)
		return nil
	}
	var bearer *ent.Application
	var err error
	if n.Project != nil {
		bearer, err = s.projectApplication(ctx, tx, org, *n.Project)
	} else {
		bearer, err = applicationOf(ctx, tx, org, *n.Application)
	}
	if err != nil {
		return err
	}
	create.SetApplicationID(bearer.ID)
	return checkHolding(ctx, tx, org, bearer, "createApiKey")
}

// checkHolding returns nil if the viewer may hold all that an application was
// given in their own hands.
func checkHolding(ctx context.Context, tx *database.Tx, org records.Organization, bearer *ent.Application, action string) error {
	grants, err := records.GrantsOf(ctx, bearer)
	if err != nil {
		return err
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: grants, To: records.Recipients{Applications: []uuid.UUID{bearer.ID}, OwnHands: true}, Action: action, Subject: bearer.Name,
	})
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

// lockMembership returns the viewer's own membership of an organization.
func lockMembership(ctx context.Context, tx *database.Tx, org records.Organization) (uuid.UUID, error) {
	viewer := access.ViewerFrom(ctx)
	query := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.UserID(uuid.UUID(viewer.ID)))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return uuid.Nil, fault.New(fault.Forbidden, "only members have keys of their own")
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("lock membership: %w", err)
	}
	return row.ID, nil
}

// applicationOf returns an application of the organization that people made.
func applicationOf(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*ent.Application, error) {
	row, err := lockApplication(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if row.OrganizationID != org.ID {
		return nil, fault.Missing("application")
	}
	if row.Managed {
		return nil, fault.New(fault.Conflict, "keys of this application are made for its project").Because(fault.ManagedReadonly)
	}
	return row, nil
}

// projectApplication returns the application that bears the keys of a project,
// which is made where they are first needed.
func (s *Service) projectApplication(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*ent.Application, error) {
	p, err := lockProject(ctx, tx, org, id)
	if err != nil {
		return nil, err
	}
	query := tx.Application.Query().Where(application.ProjectID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if err == nil {
		return row, nil
	}
	if !ent.IsNotFound(err) {
		return nil, fmt.Errorf("lock application of project: %w", err)
	}
	row, err = tx.Application.Create().
		SetID(s.db.NewID()).SetOrganizationID(org.ID).SetProjectID(id).SetManaged(true).
		SetName(managedName(p)).SetDescription("Bears the API keys of the project.").SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create application of project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: org.ID, After: row})
	return row, s.createManagedPolicy(ctx, tx, row)
}

// createManagedPolicy gives the application of a project what is in it.
func (s *Service) createManagedPolicy(ctx context.Context, tx *database.Tx, a *ent.Application) error {
	rule := access.Rule{Sets: []access.SetName{access.AllProductsFullAccess}, Scope: access.InProjects(orgtree.ID(*a.ProjectID))}
	row, err := tx.AccessPolicy.Create().
		SetID(s.db.NewID()).SetOrganizationID(a.OrganizationID).SetApplicationID(a.ID).SetManaged(true).
		SetName(a.Name).SetDescription("What the API keys of the project may do.").SetTags([]string{}).
		SetRules([]access.Rule{rule}).SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create policy of project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Policy, ID: row.ID, Organization: row.OrganizationID, After: row})
	return nil
}

// maxName is how long the name of an application is, in characters.
const maxName = 64

// managedName returns the name of a project's application. The project's id
// keeps it unique, so that what does not fit is cut from the project's name.
func managedName(p *ent.Project) string {
	const before = "Project - "
	after := " (" + typeid.New(typeid.Project, p.ID).String() + ")"
	name := []rune(p.Name)
	return before + string(name[:min(len(name), maxName-len(before)-len(after))]) + after
}

// lockProject locks a project of the organization that is in use.
func lockProject(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*ent.Project, error) {
	query := tx.Project.Query().Where(project.ID(id), project.OrganizationID(org.ID))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("project")
	}
	if err != nil {
		return nil, fmt.Errorf("lock project: %w", err)
	}
	if row.Status == project.StatusDELETING {
		return nil, fault.New(fault.Conflict, "the project is being deleted")
	}
	return row, nil
}

// lockDefaultProject locks a project of the organization that the viewer can
// see, as the default of a key.
func lockDefaultProject(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) error {
	if access.Check(access.ViewerFrom(ctx), access.ProjectsRead, org.Target().In(orgtree.ID(id))) != nil {
		return fault.Missing("project")
	}
	_, err := lockProject(ctx, tx, org, id)
	return err
}

// addressOf returns where the request comes from, or "" if that is not known.
func addressOf(ctx context.Context) string {
	address := access.ViewerFrom(ctx).Address
	if !address.IsValid() {
		return ""
	}
	return address.WithZone("").Unmap().String()
}
