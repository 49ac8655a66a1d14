package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes people.
type Service struct {
	db      *database.DB
	records *records.Store
	hasher  *password.Hasher
}

// New returns the service.
func New(db *database.DB, store *records.Store, hasher *password.Hasher) *Service {
	return &Service{db: db, records: store, hasher: hasher}
}

// UserStatus is the state of an account.
type UserStatus string

// The states of an account.
const (
	Invited UserStatus = "INVITED"
	Active  UserStatus = "ACTIVE"
	Locked  UserStatus = "LOCKED"
)

// User is the one account of a person as the API shows it.
type User struct {
	ID        typeid.ID
	Username  string
	Name      string
	Status    UserStatus
	CreatedAt time.Time
	// Siblings are the users that were loaded together with this one.
	Siblings *batch.Siblings

	email string
}

// Identity returns the id.
func (u *User) Identity() typeid.ID { return u.ID }

// IsPrincipal marks that rights can be given to a user.
func (u *User) IsPrincipal() {}

// Application is a principal that is not a person, as the API shows it.
type Application struct {
	ID          typeid.ID
	Name        string
	Description string
	// Managed says that the platform made it, for a project.
	Managed   bool
	Tags      []string
	CreatedAt time.Time
	Version   int
	// OrganizationID is where the application is, Organizations the set of them
	// that was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	// Siblings are the applications that were loaded together with this one.
	Siblings *batch.Siblings
}

// Identity returns the id.
func (a *Application) Identity() typeid.ID { return a.ID }

// IsPrincipal marks that rights can be given to an application.
func (a *Application) IsPrincipal() {}

func wrapUsers(rows []*ent.User) map[uuid.UUID]*User {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	siblings := batch.Of(ids...)
	users := make(map[uuid.UUID]*User, len(rows))
	for _, row := range rows {
		users[row.ID] = &User{
			ID: typeid.New(typeid.User, row.ID), Username: row.Username, Name: row.Name, Status: UserStatus(row.Status),
			CreatedAt: row.CreatedAt.UTC(), Siblings: siblings, email: row.Email,
		}
	}
	return users
}

func wrapApplications(rows []*ent.Application) []*Application {
	ids, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i], homes[i] = row.ID, row.OrganizationID
	}
	siblings, organizations := batch.Of(ids...), batch.Of(homes...)
	list := make([]*Application, len(rows))
	for i, row := range rows {
		list[i] = &Application{
			ID: typeid.New(typeid.Application, row.ID), Name: row.Name, Description: row.Description, Managed: row.Managed, Tags: notNil(row.Tags),
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
			OrganizationID: row.OrganizationID, Organizations: organizations, Siblings: siblings,
		}
	}
	return list
}

func wrapApplication(row *ent.Application) *Application {
	return wrapApplications([]*ent.Application{row})[0]
}

// User returns a person that the viewer can see, or NOT_FOUND.
func (s *Service) User(ctx context.Context, id uuid.UUID) (*User, error) {
	row, err := s.db.Client().User.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("user")
	}
	if err != nil {
		return nil, fmt.Errorf("get user: %w", err)
	}
	u := wrapUsers([]*ent.User{row})[id]
	if isSelf(ctx, id) {
		return u, nil
	}
	readable, err := s.readable(ctx, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	if !readable[id] {
		return nil, fault.Missing("user")
	}
	return u, nil
}

// Self returns the account of the viewer, who is a person; NOT_FOUND for others.
func (s *Service) Self(ctx context.Context) (*User, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return nil, fault.Missing("user")
	}
	return s.User(ctx, uuid.UUID(viewer.ID))
}

// Application returns an application of an organization in which the viewer
// holds applications:read, or NOT_FOUND.
func (s *Service) Application(ctx context.Context, id uuid.UUID) (*Application, error) {
	row, err := s.db.Client().Application.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("application")
	}
	if err != nil {
		return nil, fmt.Errorf("get application: %w", err)
	}
	if viewer := access.ViewerFrom(ctx); viewer.Kind == access.Application && viewer.ID == orgtree.ID(id) {
		return wrapApplication(row), nil
	}
	if _, err := s.records.Check(ctx, access.ApplicationsRead, row.OrganizationID); err != nil {
		return nil, fault.Missing("application")
	}
	return wrapApplication(row), nil
}

// Email returns the e-mail address of a person, or nil for viewers who hold
// users:read in none of the person's organizations.
func (s *Service) Email(ctx context.Context, u *User) (*string, error) {
	if isSelf(ctx, u.ID.UUID) {
		return &u.email, nil
	}
	readable, err := batch.Load(ctx, u.Siblings, "readable", u.ID.UUID, s.readable)
	if err != nil || !readable {
		return nil, err
	}
	return &u.email, nil
}

// readable reports for each person whether the viewer holds users:read in one
// of their organizations.
func (s *Service) readable(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := s.db.Client().Membership.Query().Where(membership.UserIDIn(users...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load memberships: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	allowed, err := s.readsPeople(ctx, homes)
	if err != nil {
		return nil, err
	}
	readable := make(map[uuid.UUID]bool, len(users))
	for _, id := range users {
		readable[id] = false
	}
	for _, row := range rows {
		readable[row.UserID] = readable[row.UserID] || allowed[row.OrganizationID]
	}
	return readable, nil
}

// readsPeople reports for each organization whether the viewer holds users:read
// there.
func (s *Service) readsPeople(ctx context.Context, organizations []uuid.UUID) (map[uuid.UUID]bool, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	allowed := make(map[uuid.UUID]bool, len(found))
	for id, org := range found {
		allowed[id] = slices.Contains(viewer.Allowed(org.Target()), access.UsersRead)
	}
	return allowed, nil
}

func isSelf(ctx context.Context, id uuid.UUID) bool {
	viewer := access.ViewerFrom(ctx)
	return viewer.Kind == access.User && viewer.ID == orgtree.ID(id)
}
