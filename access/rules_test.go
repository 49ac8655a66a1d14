package access_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// many returns n different projects.
func many(n int) []orgtree.ID {
	projects := make([]orgtree.ID, n)
	for i := range projects {
		projects[i] = orgtree.ID{byte(i >> 8), byte(i), 1}
	}
	return projects
}

// TestCheckRules finds every error, and none where there is none.
func TestCheckRules(t *testing.T) {
	t.Parallel()
	const user, application, inGroup, nobody = access.BornByUser, access.BornByApplication, access.BornByGroup, access.BornByNobody
	organization, everyProject := access.InOrganization(), access.InAllProjects()
	sets := func(names ...access.SetName) []access.SetName { return names }
	one := func(scope access.Scope, names ...access.SetName) []access.Rule {
		return []access.Rule{{Sets: names, Scope: scope}}
	}
	when := func(c access.Condition) []access.Rule {
		return []access.Rule{{Sets: sets(access.IAMManager), Scope: organization, Condition: &c}}
	}
	early, late := now().At, now().At.Add(time.Second)
	network := netip.MustParsePrefix("192.0.2.0/24")
	for name, tt := range map[string]struct {
		rules  []access.Rule
		bearer access.Bearer
		kind   orgtree.Kind
		field  string // of the error, or nothing
	}{
		"no rules":                             {nil, user, orgtree.Standard, ""},
		"a set":                                {one(organization, access.IAMManager), user, orgtree.Standard, ""},
		"sets of one type":                     {one(organization, access.IAMManager, access.BillingReadOnly), user, orgtree.Standard, ""},
		"for nobody":                           {one(organization, access.IAMManager), nobody, orgtree.Standard, ""},
		"in all projects":                      {one(everyProject, access.ProjectMember), application, orgtree.Standard, ""},
		"in a project":                         {one(access.InProjects(ours()), access.ProjectMember), application, orgtree.Standard, ""},
		"no sets":                              {one(organization), user, orgtree.Standard, "rules.permissionSets"},
		"an unknown set":                       {one(organization, "SuperAdmin"), user, orgtree.Standard, "rules.permissionSets"},
		"an unknown set after another":         {one(organization, access.IAMManager, "SuperAdmin"), user, orgtree.Standard, "rules.permissionSets"},
		"a permission is no set":               {one(organization, "org:read"), user, orgtree.Standard, "rules.permissionSets"},
		"50 sets":                              {one(organization, slices.Repeat(sets(access.IAMManager), 50)...), user, orgtree.Standard, ""},
		"51 sets":                              {one(organization, slices.Repeat(sets(access.IAMManager), 51)...), user, orgtree.Standard, "rules.permissionSets"},
		"50 rules":                             {slices.Repeat(one(organization, access.IAMManager), 50), user, orgtree.Standard, ""},
		"51 rules":                             {slices.Repeat(one(organization, access.IAMManager), 51), user, orgtree.Standard, "rules"},
		"500 projects":                         {one(access.InProjects(many(500)...), access.ProjectMember), user, orgtree.Standard, ""},
		"501 projects":                         {one(access.InProjects(many(501)...), access.ProjectMember), user, orgtree.Standard, "rules.projectIds"},
		"no projects":                          {one(access.InProjects(), access.ProjectMember), user, orgtree.Standard, "rules.projectIds"},
		"all projects, and a list":             {one(access.Scope{Kind: access.ScopeAllProjects, Projects: many(1)}, access.ProjectMember), user, orgtree.Standard, "rules.projectIds"},
		"the organization, and a list":         {one(access.Scope{Kind: access.ScopeOrganization, Projects: many(1)}, access.IAMManager), user, orgtree.Standard, "rules.projectIds"},
		"a project set in the organization":    {one(organization, access.ProjectMember), user, orgtree.Standard, "rules"},
		"an organization set in all projects":  {one(everyProject, access.IAMManager), user, orgtree.Standard, "rules"},
		"an organization set in projects":      {one(access.InProjects(ours()), access.IAMManager), user, orgtree.Standard, "rules"},
		"no scope":                             {one(access.Scope{}, access.IAMManager), user, orgtree.Standard, "rules"},
		"no scope of a project set":            {one(access.Scope{}, access.ProjectMember), user, orgtree.Standard, "rules"},
		"sets of two types":                    {one(organization, access.IAMManager, access.ProjectMember), user, orgtree.Standard, "rules.permissionSets"},
		"sets of two types in projects":        {one(everyProject, access.ProjectMember, access.IAMManager), user, orgtree.Standard, "rules.permissionSets"},
		"a role for a group":                   {one(organization, "org:admin"), inGroup, orgtree.Standard, ""},
		"a role for nobody":                    {one(organization, "org:admin"), nobody, orgtree.Standard, ""},
		"a role for a user":                    {one(organization, "org:admin"), user, orgtree.Standard, "rules.permissionSets"},
		"a role for an application":            {one(organization, "org:users"), application, orgtree.Standard, "rules.permissionSets"},
		"a role after another set":             {one(organization, access.IAMManager, "org:groups"), user, orgtree.Standard, "rules.permissionSets"},
		"a partner's set in a partner":         {one(organization, access.ResellerFullAccess), user, orgtree.Partner, ""},
		"a partner's set on the platform":      {one(organization, access.ResellerReadOnly), user, orgtree.Platform, ""},
		"a partner's set in a customer":        {one(organization, access.ResellerFullAccess), user, orgtree.Standard, "rules.permissionSets"},
		"a platform's set on the platform":     {one(organization, access.PlatformReadOnly), user, orgtree.Platform, ""},
		"a platform's set in a partner":        {one(organization, access.PlatformReadOnly), user, orgtree.Partner, "rules.permissionSets"},
		"the second of two rules is wrong":     {append(one(organization, access.IAMManager), one(organization)...), user, orgtree.Standard, "rules.permissionSets"},
		"a condition of nothing":               {when(access.Condition{}), user, orgtree.Standard, ""},
		"a network":                            {when(access.Condition{CIDRs: []netip.Prefix{network}}), user, orgtree.Standard, ""},
		"50 networks":                          {when(access.Condition{CIDRs: slices.Repeat([]netip.Prefix{network}, 50)}), user, orgtree.Standard, ""},
		"51 networks":                          {when(access.Condition{CIDRs: slices.Repeat([]netip.Prefix{network}, 51)}), user, orgtree.Standard, "rules.condition.cidrs"},
		"no network":                           {when(access.Condition{CIDRs: []netip.Prefix{{}}}), user, orgtree.Standard, "rules.condition.cidrs"},
		"a network of mapped addresses":        {when(access.Condition{CIDRs: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}}), user, orgtree.Standard, "rules.condition.cidrs"},
		"a window":                             {when(access.Condition{NotBefore: &early, NotAfter: &late}), user, orgtree.Standard, ""},
		"a window of an instant":               {when(access.Condition{NotBefore: &early, NotAfter: &early}), user, orgtree.Standard, ""},
		"a window that ends before it begins":  {when(access.Condition{NotBefore: &late, NotAfter: &early}), user, orgtree.Standard, "rules.condition.notAfter"},
		"a window without an end":              {when(access.Condition{NotBefore: &late}), user, orgtree.Standard, ""},
		"the managed policy of Administrators": {access.Administrators.Rules(), inGroup, orgtree.Standard, ""},
	} {
		err := access.CheckRules(tt.rules, tt.bearer, tt.kind)
		var told *fault.Error
		switch {
		case tt.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.field != "" && (!errors.As(err, &told) || told.Code != fault.Invalid || told.Field != tt.field):
			t.Errorf("%s: %v, want INVALID of %s", name, err, tt.field)
		}
	}
}

// TestConditionAddresses tries addresses of both versions, and of the one written
// as the other.
func TestConditionAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		networks, address string
		want              bool
	}{
		{"", "192.0.2.7", true},
		{"", "", true},
		{"192.0.2.0/24", "", false},
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/24", "192.0.1.255", false},
		{"192.0.2.9/24", "192.0.2.7", true},
		{"192.0.2.7/32", "192.0.2.7", true},
		{"192.0.2.7/32", "192.0.2.8", false},
		{"0.0.0.0/0", "198.51.100.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"0.0.0.0/0", "::ffff:198.51.100.1", true},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"192.0.2.0/24", "::ffff:192.0.3.7", false},
		{"::/0", "198.51.100.1", false},
		{"::/0", "::ffff:198.51.100.1", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/32", "2001:db8:ffff::1", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"fe80::/10", "fe80::1%eth0", true},
		{"192.0.2.0/24 2001:db8::/32", "2001:db8::1", true},
		{"192.0.2.0/24 2001:db8::/32", "192.0.2.1", true},
		{"192.0.2.0/24 2001:db8::/32", "198.51.100.1", false},
	} {
		var c access.Condition
		for _, network := range strings.Fields(tt.networks) {
			c.CIDRs = append(c.CIDRs, netip.MustParsePrefix(network))
		}
		at := now()
		at.Address = netip.Addr{}
		if tt.address != "" {
			at.Address = netip.MustParseAddr(tt.address)
		}
		if got := c.Holds(at); got != tt.want {
			t.Errorf("from %q within %q: %t", tt.address, tt.networks, got)
		}
	}
	if none := (*access.Condition)(nil); !none.Holds(access.Circumstances{}) {
		t.Error("no condition does not hold")
	}
}

// TestConditionWindow tries the edges of a window, which are in it, also in other
// zones.
func TestConditionWindow(t *testing.T) {
	t.Parallel()
	from, to := now().At, now().At.Add(time.Hour)
	network := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	for name, tt := range map[string]struct {
		condition access.Condition
		at        time.Time
		want      bool
	}{
		"an instant before":       {access.Condition{NotBefore: &from, NotAfter: &to}, from.Add(-1), false},
		"at its beginning":        {access.Condition{NotBefore: &from, NotAfter: &to}, from, true},
		"within":                  {access.Condition{NotBefore: &from, NotAfter: &to}, from.Add(time.Minute), true},
		"at its end":              {access.Condition{NotBefore: &from, NotAfter: &to}, to, true},
		"an instant after":        {access.Condition{NotBefore: &from, NotAfter: &to}, to.Add(1), false},
		"in another zone":         {access.Condition{NotBefore: &from, NotAfter: &to}, from.In(time.FixedZone("", 7200)), true},
		"without a beginning":     {access.Condition{NotAfter: &to}, time.Time{}, true},
		"without a beginning, on": {access.Condition{NotAfter: &to}, to.Add(1), false},
		"without an end":          {access.Condition{NotBefore: &from}, to.AddDate(1000, 0, 0), true},
		"without an end, before":  {access.Condition{NotBefore: &from}, from.Add(-1), false},
		"and the right address":   {access.Condition{NotBefore: &from, CIDRs: network}, from, true},
		"and the wrong address":   {access.Condition{NotBefore: &from, CIDRs: elsewhere}, from, false},
		"before, right address":   {access.Condition{NotBefore: &from, CIDRs: network}, from.Add(-1), false},
		"an instant long":         {access.Condition{NotBefore: &from, NotAfter: &from}, from, true},
	} {
		at := now()
		at.At = tt.at
		if got := tt.condition.Holds(at); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestUnionOfPolicies gives two policies, of which the conditional one fails: the
// other one gives what it gives, and what is limited may not be granted on.
func TestUnionOfPolicies(t *testing.T) {
	t.Parallel()
	elsewhere := &access.Condition{CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	here := &access.Condition{CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	rule := func(c *access.Condition, sets ...access.SetName) access.Rule {
		return access.Rule{Sets: sets, Scope: access.InOrganization(), Condition: c}
	}
	policies := func(rules ...access.Rule) access.Viewer {
		var place access.Place
		for _, r := range rules {
			place.Policies = append(place.Policies, access.Policy{Rules: []access.Rule{r}})
		}
		return member(customer(), place)
	}
	for name, tt := range map[string]struct {
		viewer               access.Viewer
		audits, grants, once bool
	}{
		"a condition that fails":                {policies(rule(elsewhere, access.AuditReadOnly)), false, false, true},
		"a condition that holds":                {policies(rule(here, access.AuditReadOnly)), true, false, true},
		"no condition":                          {policies(rule(nil, access.AuditReadOnly)), true, true, false},
		"one that fails and none":               {policies(rule(elsewhere, access.AuditReadOnly), rule(nil, access.AuditReadOnly)), true, true, true},
		"none and one that fails":               {policies(rule(nil, access.AuditReadOnly), rule(elsewhere, access.AuditReadOnly)), true, true, true},
		"one that fails and one that holds":     {policies(rule(elsewhere, access.AuditReadOnly), rule(here, access.AuditReadOnly)), true, false, true},
		"another set has none":                  {policies(rule(elsewhere, access.AuditReadOnly), rule(nil, access.BillingReadOnly)), false, false, true},
		"policies:write for a while is no rest": {policies(rule(here, access.IAMManager), rule(here, access.AuditReadOnly)), true, false, true},
		"policies:write without condition":      {policies(rule(nil, access.IAMManager)), false, true, false},
	} {
		target := targetOf(customer())
		if got := access.Check(tt.viewer, access.AuditRead, target) == nil; got != tt.audits {
			t.Errorf("%s: reads the journal: %t", name, got)
		}
		_, err := access.CheckGranting(tt.viewer, access.Granting{Rights: access.Rights{Organization: access.SetOf(access.AuditRead)}}, target)
		if got := err == nil; got != tt.grants {
			t.Errorf("%s: grants reading the journal: %v", name, err)
		}
		if got := tt.viewer.Standing(customer()).Conditional; got != tt.once {
			t.Errorf("%s: good for one request only: %t", name, got)
		}
	}
}

// TestOrphansAndEmptyGroups give nothing.
func TestOrphansAndEmptyGroups(t *testing.T) {
	t.Parallel()
	plain := words(member(customer(), access.Place{}).Allowed(targetOf(customer())))
	for name, place := range map[string]access.Place{
		"a group without anything":       {Groups: []access.Group{{ID: orgtree.ID{31}}}},
		"a policy without rules":         {Policies: []access.Policy{{ID: orgtree.ID{41}}}},
		"a rule of a project that went":  {Policies: []access.Policy{{Rules: []access.Rule{{Sets: []access.SetName{access.ProjectMember}, Scope: access.InProjects()}}}}},
		"a partner's set in a customer":  {Policies: []access.Policy{policyOf(orgtree.ID{41}, access.InOrganization(), access.ResellerFullAccess)}},
		"a set that there is no more of": {Policies: []access.Policy{policyOf(orgtree.ID{41}, access.InOrganization(), "SuperAdmin")}},
	} {
		if got := words(member(customer(), place).Allowed(targetOf(customer()))); got != plain {
			t.Errorf("%s gives %s", name, without(got, plain))
		}
	}
}

// TestWithoutProject takes a project out of rules: one that named it alone goes,
// and none widens.
func TestWithoutProject(t *testing.T) {
	t.Parallel()
	inProjects := func(projects ...orgtree.ID) access.Rule {
		return access.Rule{Sets: []access.SetName{access.ProjectMember}, Scope: access.InProjects(projects...)}
	}
	everyProject := access.Rule{Sets: []access.SetName{access.ProjectMember}, Scope: access.InAllProjects()}
	both := []orgtree.ID{ours(), theirs()}
	rules := []access.Rule{inProjects(ours()), inProjects(both...), inProjects(theirs()), inProjects(ours(), ours()), everyProject}
	got, changed := access.WithoutProject(rules, ours())
	if diff := cmp.Diff([]access.Rule{inProjects(theirs()), inProjects(theirs()), everyProject}, got); diff != "" || !changed {
		t.Errorf("changed %t (-want +got):\n%s", changed, diff)
	}
	if diff := cmp.Diff([]orgtree.ID{ours(), theirs()}, both); diff != "" {
		t.Errorf("the rules that were passed changed:\n%s", diff)
	}
	if same, changed := access.WithoutProject(rules, customer()); changed || len(same) != len(rules) {
		t.Errorf("a project that no rule names: %t", changed)
	}
}

// TestRulesAsText writes rules as the store keeps them, and reads them back.
func TestRulesAsText(t *testing.T) {
	t.Parallel()
	from, to := now().At, now().At.Add(time.Hour)
	rules := []access.Rule{
		{Sets: []access.SetName{access.IAMManager, access.BillingReadOnly}, Scope: access.InOrganization()},
		{Sets: []access.SetName{access.ProjectMember}, Scope: access.InProjects(ours()), Condition: &access.Condition{
			CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}, NotBefore: &from, NotAfter: &to,
		}},
		{Sets: []access.SetName{access.ProjectMember}, Scope: access.InAllProjects(), Condition: &access.Condition{}},
	}
	const want = `[{"sets":["IAMManager","BillingReadOnly"],"scope":{"kind":"ORGANIZATION"}},` +
		`{"sets":["ProjectMember"],"scope":{"kind":"PROJECTS","projects":["15000000-0000-0000-0000-000000000000"]},` +
		`"condition":{"cidrs":["192.0.2.0/24","2001:db8::/32"],"notBefore":"2026-11-22T12:00:00Z","notAfter":"2026-11-22T13:00:00Z"}},` +
		`{"sets":["ProjectMember"],"scope":{"kind":"ALL_PROJECTS"},"condition":{}}]`
	text, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var read []access.Rule
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rules, read, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// FuzzRules reads any text as rules: what is read is checked and evaluated
// without harm, and written again it reads as the same.
func FuzzRules(f *testing.F) {
	f.Add(`[{"sets":["IAMManager"],"scope":{"kind":"ORGANIZATION"}}]`)
	f.Add(`[{"sets":["ProjectMember"],"scope":{"kind":"PROJECTS","projects":["15000000-0000-0000-0000-000000000000"]},"condition":{"cidrs":["::/0"],"notAfter":"2026-11-22T13:00:00+02:00"}}]`)
	f.Add(`[{"sets":["ProjectMember"],"scope":{"kind":"PROJECTS","projects":["15"]}}]`)
	f.Add(`[{"sets":["ProjectMember","org:admin",""],"scope":{"kind":""},"condition":{"cidrs":[""]}},{}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var rules []access.Rule
		if json.Unmarshal([]byte(text), &rules) != nil {
			return
		}
		valid := access.CheckRules(rules, access.BornByUser, orgtree.Standard) == nil
		v := member(customer(), access.Place{Policies: []access.Policy{{Rules: rules}}})
		held := v.Allowed(targetOf(customer()))
		if valid && slices.Contains(held, access.OrgTransfer) {
			t.Errorf("%s gives %v", text, held)
		}
		written, err := json.Marshal(rules)
		if err != nil {
			t.Skip("a year that no text can tell")
		}
		var again []access.Rule
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s was written as %s: %v", text, written, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(twice) != string(written) {
			t.Errorf("%s was written as %s, then as %s: %v", text, written, twice, err)
		}
	})
}
