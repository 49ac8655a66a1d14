package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes policies.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Policy is a policy as the API shows it.
type Policy struct {
	ID          typeid.ID
	Name        string
	Description string
	Tags        []string
	Rules       []*Rule
	Managed     bool
	// Builtin says whose built-in policy this is; nil for others.
	Builtin   *access.Builtin
	CreatedAt time.Time
	Version   int
	// PrincipalID is the user, application or group that has the rights; nil for
	// an orphan. Principals are those of its kind that were loaded together.
	PrincipalID *typeid.ID
	Principals  *batch.Siblings
	// OrganizationID is where the policy is, Organizations the set of them that
	// was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
}

// Identity returns the id.
func (p *Policy) Identity() typeid.ID { return p.ID }

// Rule is one line of a policy as the API shows it.
type Rule struct {
	PermissionSets []string
	Organization   bool
	AllProjects    bool
	// ProjectIDs are the projects that the rule lists, Projects those of all
	// rules that were loaded together.
	ProjectIDs []uuid.UUID
	Projects   *batch.Siblings
	Condition  *Condition
}

// Condition is when a rule holds, as the API shows it.
type Condition struct {
	CIDRs     []string
	NotBefore *time.Time
	NotAfter  *time.Time
}

// withPrincipal loads what a Policy is made of.
func withPrincipal(query *ent.AccessPolicyQuery) *ent.AccessPolicyQuery {
	return query.WithMembership()
}

func wrap(rows []*ent.AccessPolicy) []*Policy {
	homes := make([]uuid.UUID, len(rows))
	principals := map[typeid.Kind][]uuid.UUID{}
	var projects []uuid.UUID
	for i, row := range rows {
		homes[i] = row.OrganizationID
		if id := principalOf(row); id != nil {
			principals[id.Kind] = append(principals[id.Kind], id.UUID)
		}
		for _, rule := range row.Rules {
			projects = append(projects, projectsOf(rule)...)
		}
	}
	organizations, named := batch.Of(homes...), batch.Of(projects...)
	siblings := map[typeid.Kind]*batch.Siblings{}
	for kind, ids := range principals {
		siblings[kind] = batch.Of(ids...)
	}
	list := make([]*Policy, len(rows))
	for i, row := range rows {
		list[i] = &Policy{
			ID: typeid.New(typeid.Policy, row.ID), Name: row.Name, Description: row.Description, Tags: row.Tags,
			Rules: wrapRules(row.Rules, named), Managed: row.Managed, Builtin: row.Builtin,
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, PrincipalID: principalOf(row),
			OrganizationID: row.OrganizationID, Organizations: organizations,
		}
		if id := list[i].PrincipalID; id != nil {
			list[i].Principals = siblings[id.Kind]
		}
	}
	return list
}

func wrapRules(rules []access.Rule, projects *batch.Siblings) []*Rule {
	list := make([]*Rule, len(rules))
	for i, rule := range rules {
		list[i] = &Rule{
			PermissionSets: make([]string, len(rule.Sets)),
			Organization:   rule.Scope.Kind == access.ScopeOrganization,
			AllProjects:    rule.Scope.Kind == access.ScopeAllProjects,
			ProjectIDs:     projectsOf(rule), Projects: projects,
			Condition: wrapCondition(rule.Condition),
		}
		for j, set := range rule.Sets {
			list[i].PermissionSets[j] = string(set)
		}
	}
	return list
}

func wrapCondition(c *access.Condition) *Condition {
	if c == nil {
		return nil
	}
	shown := &Condition{CIDRs: make([]string, len(c.CIDRs)), NotBefore: c.NotBefore, NotAfter: c.NotAfter}
	for i, network := range c.CIDRs {
		shown.CIDRs[i] = network.String()
	}
	return shown
}

// principalOf returns whose policy this is, or nil for an orphan. The row was
// read with its membership.
func principalOf(row *ent.AccessPolicy) *typeid.ID {
	var id typeid.ID
	switch {
	case row.Edges.Membership != nil:
		id = typeid.New(typeid.User, row.Edges.Membership.UserID)
	case row.ApplicationID != nil:
		id = typeid.New(typeid.Application, *row.ApplicationID)
	case row.GroupID != nil:
		id = typeid.New(typeid.Group, *row.GroupID)
	default:
		return nil
	}
	return &id
}

func projectsOf(rule access.Rule) []uuid.UUID {
	ids := make([]uuid.UUID, len(rule.Scope.Projects))
	for i, id := range rule.Scope.Projects {
		ids[i] = uuid.UUID(id)
	}
	return ids
}

// Get returns a policy of an organization in which the viewer holds
// policies:read, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Policy, error) {
	row, _, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrap([]*ent.AccessPolicy{row})[0], nil
}

// find returns a policy that the viewer can read and its organization.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.AccessPolicy, records.Organization, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := withPrincipal(s.db.Client().AccessPolicy.Query().Where(accesspolicy.ID(id))).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("policy")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get policy: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if access.Check(access.ViewerFrom(ctx), access.PoliciesRead, org.Target()) != nil {
		return nil, records.Organization{}, fault.Missing("policy")
	}
	return row, org, nil
}
