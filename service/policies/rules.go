package policies

import (
	"context"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// NewRule is a rule as a client writes it: exactly one of Organization,
// Projects and AllProjects.
type NewRule struct {
	PermissionSets []string
	Organization   bool
	AllProjects    bool
	Projects       []uuid.UUID
	// Condition is nil for a rule that always holds.
	Condition *NewCondition
}

// NewCondition is a condition as a client writes it. CIDRs are nil for any
// network.
type NewCondition struct {
	CIDRs     []string
	NotBefore *time.Time
	NotAfter  *time.Time
}

// parseRules returns what a client wrote, sets and projects each once, or
// INVALID. Whether they fit the bearer is for access.CheckRules.
func parseRules(written []NewRule) ([]access.Rule, error) {
	rules := make([]access.Rule, len(written))
	for i, w := range written {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		condition, err := w.Condition.parse()
		if err != nil {
			return nil, err
		}
		rules[i] = access.Rule{Scope: scope, Condition: condition}
		for _, name := range w.PermissionSets {
			if set := access.SetName(name); !slices.Contains(rules[i].Sets, set) {
				rules[i].Sets = append(rules[i].Sets, set)
			}
		}
	}
	return rules, nil
}

func (w NewRule) scope() (access.Scope, error) {
	switch {
	case w.Organization && !w.AllProjects && w.Projects == nil:
		return access.InOrganization(), nil
	case w.AllProjects && !w.Organization && w.Projects == nil:
		return access.InAllProjects(), nil
	case w.Projects != nil && !w.Organization && !w.AllProjects:
		var projects []orgtree.ID
		for _, id := range w.Projects {
			if project := orgtree.ID(id); !slices.Contains(projects, project) {
				projects = append(projects, project)
			}
		}
		return access.InProjects(projects...), nil
	}
	return access.Scope{}, fault.Invalidf("rules", "a rule holds in one of: the organization, listed projects, all projects")
}

func (c *NewCondition) parse() (*access.Condition, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // a rule without a condition always holds
	}
	if c.CIDRs == nil && c.NotBefore == nil && c.NotAfter == nil {
		return nil, fault.Invalidf("rules.condition", "a condition names networks or times")
	}
	if c.CIDRs != nil && len(c.CIDRs) == 0 {
		return nil, fault.Invalidf("rules.condition.cidrs", "no request comes from nowhere; leave this out for any network")
	}
	parsed := &access.Condition{NotBefore: c.NotBefore, NotAfter: c.NotAfter}
	for _, text := range c.CIDRs {
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() {
			return nil, fault.Invalidf("rules.condition.cidrs", "%q is no network, such as 192.0.2.0/24 or 2001:db8::/32", text)
		}
		parsed.CIDRs = append(parsed.CIDRs, network.Masked())
	}
	return parsed, nil
}

// holdProjects makes sure that the projects of rules are of the organization and
// stay until the transaction ends. INVALID if one is not.
func holdProjects(ctx context.Context, tx *database.Tx, org records.Organization, rules []access.Rule) error {
	var listed []uuid.UUID
	for _, rule := range rules {
		listed = append(listed, projectsOf(rule)...)
	}
	if len(listed) == 0 {
		return nil
	}
	found, err := records.HoldProjects(ctx, tx, org.ID, listed)
	if err != nil {
		return err
	}
	for _, id := range listed {
		if found[id] == nil {
			return fault.Invalidf("rules.projectIds", "one of these is no project of the organization")
		}
	}
	return nil
}

// Bounds of a policy's texts, in characters.
const (
	maxName        = 64
	maxDescription = 200
)

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName || !roster.IsOneLine(name) {
		return fault.Invalidf("name", "a policy's name has 1 to %d characters on one line, and no space at either end", maxName)
	}
	return nil
}

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > maxDescription || !utf8.ValidString(description) {
		return fault.Invalidf("description", "a description has at most %d characters", maxDescription)
	}
	return nil
}
