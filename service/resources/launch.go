package resources

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// LaunchDecision says whether something may be started, and why.
type LaunchDecision struct {
	Allowed bool
	// DecidedBy is nil where nothing limits what is allowed.
	DecidedBy *LaunchReason
}

// LaunchReason is what decided about a launch.
type LaunchReason struct {
	// Key is the setting that decided.
	Key     string
	Because string
	// Organization is whose value of the setting it is, nil for the default.
	Organization *records.Reference
}

// maxLaunch bounds how many instances are asked about at a time.
const maxLaunch = 100_000

// CheckLaunch returns whether a number of instances may be started in an
// organization or in a group: what Register would do, without doing it. It is
// answered from memory. The viewer sees the scope, else NOT_FOUND. INVALID for an
// input out of bounds.
func (s *Service) CheckLaunch(ctx context.Context, scope typeid.ID, l spending.Launch) (*LaunchDecision, error) {
	if err := checkLaunchInput(l); err != nil {
		return nil, err
	}
	org, group, err := s.records.Scope(ctx, scope)
	if err != nil {
		return nil, err
	}
	verdict, err := judge(ctx, s.records, org, group, l)
	if err != nil {
		return nil, err
	}
	if verdict.Allowed {
		frozen, err := s.frozenBy(ctx, org, group)
		if err != nil || frozen != nil {
			return frozen, err
		}
	}
	return tellVerdict(ctx, org, verdict), nil
}

func checkLaunchInput(l spending.Launch) error {
	if err := checkText("provider", l.Provider, 1, maxPlace); err != nil {
		return err
	}
	if err := checkText("instanceType", l.Type, 1, maxPlace); err != nil {
		return err
	}
	if l.Count < 1 || l.Count > maxLaunch {
		return fault.Invalidf("count", "the count is from 1 to %d", maxLaunch)
	}
	return nil
}

// judge decides by settings about a launch in an organization and, if it is not
// nil, a group of it.
func judge(ctx context.Context, store *records.Store, org records.Organization, group *uuid.UUID, l spending.Launch) (spending.Verdict, error) {
	l.Provider = strings.ToLower(l.Provider)
	nodes := [][]waterfall.Node{org.Nodes()}
	if group != nil {
		nodes = [][]waterfall.Node{append(org.Nodes(), waterfall.Node{Level: waterfall.LevelGroup, ID: orgtree.ID(*group)}), nodes[0]}
	}
	directives, err := store.Directives(ctx, records.Scopes(nodes[0]), []string{spending.ProvidersKey, spending.TypesKey, spending.LimitsKey}, nil)
	if err != nil {
		return spending.Verdict{}, err
	}
	places := make([]spending.Place, len(nodes))
	for i, path := range nodes {
		if places[i], err = placeAt(ctx, store, org.ID, path, directives, l); err != nil {
			return spending.Verdict{}, err
		}
	}
	return spending.Judge(l, places), nil
}

// placeAt returns what holds at the last of some nodes, an organization or a group
// of it, and how many of what is to be launched run there.
func placeAt(ctx context.Context, store *records.Store, organization uuid.UUID, nodes []waterfall.Node, directives records.Directives, l spending.Launch) (spending.Place, error) {
	var p spending.Place
	for key, target := range map[string]*waterfall.Resolution{
		spending.ProvidersKey: &p.Providers, spending.TypesKey: &p.Types, spending.LimitsKey: &p.Limits,
	} {
		definition, ok := catalogue.Lookup(key)
		if !ok {
			return p, fmt.Errorf("there is no setting %s", key)
		}
		*target = waterfall.Resolve(definition, waterfall.Steps(nodes, directives[key]))
	}
	if l.Type == "" {
		return p, nil
	}
	var group *uuid.UUID
	if last := nodes[len(nodes)-1]; last.Level == waterfall.LevelGroup {
		group = (*uuid.UUID)(&last.ID)
	}
	var err error
	p.Running, err = store.Running(ctx, organization, group, l.Provider, l.Type)
	return p, err
}

// checkLaunch refuses what may not be started: SETTING_OUT_OF_BOUNDS for a
// provider or a type, LIMIT_EXCEEDED for a number. It makes those who start
// something in the organization wait for each other until the transaction ends,
// so that together they start no more than one after the other.
func (s *Service) checkLaunch(ctx context.Context, tx *database.Tx, org records.Organization, group *uuid.UUID, l spending.Launch) error {
	if l.Provider == "" {
		if l.Type != "" {
			return fault.Invalidf("provider", "an instance type is one of a provider")
		}
		return nil
	}
	if err := tx.LockLaunches(ctx, org.ID); err != nil {
		return err
	}
	v, err := judge(ctx, s.records.In(tx), org, group, l)
	if err != nil || v.Allowed {
		return err
	}
	code := fault.SettingOutOfBounds
	if v.Key == spending.LimitsKey {
		code = fault.LimitExceeded
	}
	return fault.New(code, "%s", v.Because).With("key", v.Key)
}

// tellVerdict returns a verdict with what the viewer may see of who decided.
func tellVerdict(ctx context.Context, org records.Organization, v spending.Verdict) *LaunchDecision {
	d := &LaunchDecision{Allowed: v.Allowed}
	if v.Key == "" {
		return d
	}
	d.DecidedBy = &LaunchReason{Key: v.Key, Because: v.Because}
	line := org.Line()
	for i, a := range line {
		if orgtree.ID(a.ID) == v.By.Author {
			reference := records.Refer(ctx, line[:i+1])
			d.DecidedBy.Organization = &reference
			return d
		}
	}
	return d
}
