package access_test

import (
	"context"
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

// TestSets lists what every set gives in a customer.
func TestSets(t *testing.T) {
	t.Parallel()
	const everybody = "org:read quota:read tickets:open"
	const inProjects = " projects:read resources:read resources:write sshkeys:read sshkeys:write projectkeys:write"
	const admin = `org:read org:rename settings:read settings:write security:write identity:write
		users:read users:write users:lock members:invite members:role members:remove groups:read groups:write groups:roles
		applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write
		billing:read billing:write allocations:write plan:read tickets:open tickets:read tickets:write audit:read quota:read
		webhooks:write cloudaccounts:read cloudaccounts:write`
	for name, tt := range map[string]struct {
		viewer access.Viewer
		want   string
	}{
		"a plain member": {member(customer(), access.Place{}), everybody},
		"org:admin":      {withRole(customer(), access.RoleAdmin), admin},
		"org:settings":   {withRole(customer(), access.RoleSettings), everybody + " settings:read settings:write security:write webhooks:write allocations:write"},
		"org:users":      {withRole(customer(), access.RoleUsers), everybody + " users:read users:write users:lock members:invite members:remove groups:read"},
		"org:groups":     {withRole(customer(), access.RoleGroups), everybody + " users:read groups:read groups:write"},
		"two roles": {
			withRole(customer(), access.RoleUsers, access.RoleGroups),
			everybody + " users:read users:write users:lock members:invite members:remove groups:read groups:write",
		},
		"Administrators": {withBuiltin(customer(), access.Administrators), everybody + ` settings:read settings:write security:write users:read users:write members:invite
			groups:read groups:write applications:read applications:write apikeys:read apikeys:write policies:read projects:read projects:write
			tickets:read tickets:write audit:read plan:read webhooks:write allocations:write billing:read billing:write` + inProjects},
		"Editors":                {withBuiltin(customer(), access.Editors), everybody + " plan:read" + inProjects},
		"Billing Administrators": {withBuiltin(customer(), access.BillingAdministrators), everybody + " plan:read billing:read billing:write"},
		"the owner":              {owner(customer()), admin + " org:reopen org:deactivate org:delete org:transfer billingadmin:assign plan:write" + inProjects},
	} {
		if diff := cmp.Diff(sorted(tt.want), words(tt.viewer.Allowed(targetOf(customer())))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestKindsOfOrganizations checks the rights that only partners and the platform
// have.
func TestKindsOfOrganizations(t *testing.T) {
	t.Parallel()
	partners := []access.Permission{
		access.PartnerRead, access.PartnerCreate, access.PartnerUpdate, access.PartnerLock, access.PartnerMultiplier, access.PartnerLimits,
		access.UsageImport, access.UsageMap,
	}
	platforms := []access.Permission{access.PlatformRead, access.PlatformWrite}
	for _, in := range []orgtree.ID{root(), partner(), customer()} {
		for name, viewer := range map[string]access.Viewer{"the owner": owner(in), "org:admin": withRole(in, access.RoleAdmin)} {
			for _, p := range partners {
				if got, want := access.Check(viewer, p, targetOf(in)) == nil, kindOf(in) != orgtree.Standard; got != want {
					t.Errorf("%s of a %s has %s: %t", name, kindOf(in), p, got)
				}
			}
			for _, p := range platforms {
				if got, want := access.Check(viewer, p, targetOf(in)) == nil, kindOf(in) == orgtree.Platform; got != want {
					t.Errorf("%s of a %s has %s: %t", name, kindOf(in), p, got)
				}
			}
		}
	}
}

// TestWhatFlowsDown lists what people have in a customer two levels below.
func TestWhatFlowsDown(t *testing.T) {
	t.Parallel()
	const partners = "partner:read partner:create partner:update partner:lock partner:multiplier partner:limits"
	const delegated = `org:read org:rename org:reopen settings:read settings:write security:write identity:write users:read users:write users:lock
		members:invite members:role members:remove groups:read groups:write groups:roles projects:read quota:read audit:read billing:read
		cloudaccounts:read cloudaccounts:write webhooks:write allocations:write ` + partners
	everything := words(access.Permissions())
	platform := without(everything, `org:transfer tickets:open platform:read platform:write usage:import usage:map
		resources:read resources:write sshkeys:read sshkeys:write projectkeys:write`)
	for name, tt := range map[string]struct {
		viewer access.Viewer
		want   string
	}{
		"a partner's owner":           {owner(partner()), delegated},
		"a partner's org:admin":       {withRole(partner(), access.RoleAdmin), delegated},
		"a partner's org:settings":    {withRole(partner(), access.RoleSettings), ""},
		"a partner's Administrators":  {withBuiltin(partner(), access.Administrators), ""},
		"a partner's member":          {member(partner(), access.Place{}), ""},
		"the sub-partner's owner":     {owner(sub()), delegated},
		"the platform's owner":        {owner(root()), platform},
		"the platform's org:admin":    {withRole(root(), access.RoleAdmin), platform},
		"the platform's org:settings": {withRole(root(), access.RoleSettings), ""},
		"another partner's owner":     {owner(other()), ""},
		"nobody":                      {access.Viewer{}, ""},
	} {
		if diff := cmp.Diff(sorted(tt.want), words(tt.viewer.Allowed(targetOf(customer())))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := words(owner(customer()).Allowed(targetOf(sub()))); got != "" {
		t.Errorf("rights flow up: %s", got)
	}
	if got := words(access.SystemViewer("job").Allowed(targetOf(customer()))); got != everything {
		t.Errorf("the system lacks something: %s", got)
	}
}

// TestNeverThroughTheTree names what no partner gets in a customer.
func TestNeverThroughTheTree(t *testing.T) {
	t.Parallel()
	for _, p := range []access.Permission{
		access.OrgDeactivate, access.OrgDelete, access.OrgTransfer, access.BillingAdminAssign, access.ApplicationsRead, access.ApplicationsWrite,
		access.APIKeysRead, access.APIKeysWrite, access.PoliciesRead, access.PoliciesWrite, access.ProjectsWrite, access.BillingWrite,
		access.PlanRead, access.PlanWrite, access.TicketsOpen, access.TicketsRead, access.TicketsWrite, access.PlatformRead, access.PlatformWrite,
	} {
		if access.Check(owner(partner()), p, targetOf(customer())) == nil {
			t.Errorf("a partner's owner has %s in a customer", p)
		}
	}
}

// TestUnionOfStandings gives a viewer several standings on one path.
func TestUnionOfStandings(t *testing.T) {
	t.Parallel()
	viewer := withRole(customer(), access.RoleGroups)
	viewer.Standings[partner()] = withRole(partner(), access.RoleAdmin).Standings[partner()]
	for _, p := range []access.Permission{access.TicketsOpen, access.GroupsWrite, access.SettingsWrite, access.PartnerLimits} {
		if err := access.Check(viewer, p, targetOf(customer())); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if access.Check(viewer, access.PoliciesWrite, targetOf(customer())) == nil {
		t.Error("two standings give what neither does")
	}
}

func TestCheckTellsWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		viewer access.Viewer
		in     orgtree.ID
		want   fault.Code
	}{
		"nobody":                     {access.Viewer{}, customer(), fault.Unauthenticated},
		"an outsider":                {owner(other()), customer(), fault.NotFound},
		"a customer of its manager":  {owner(customer()), sub(), fault.NotFound},
		"a partner of the platform":  {owner(partner()), root(), fault.NotFound},
		"a member without the right": {member(customer(), access.Place{}), customer(), fault.Forbidden},
		"a member with it":           {withRole(customer(), access.RoleSettings), customer(), ""},
		"through the tree":           {owner(partner()), customer(), ""},
		"a partner's plain member":   {member(partner(), access.Place{}), customer(), fault.NotFound},
		"a viewer without standings": {access.Viewer{Kind: access.User}, customer(), fault.NotFound},
		"an application with the role": {func() access.Viewer {
			v := withRole(customer(), access.RoleSettings)
			v.Kind = access.Application
			return v
		}(), customer(), ""},
	} {
		if got := fault.CodeOf(access.Check(tt.viewer, access.SettingsWrite, targetOf(tt.in))); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	outside := access.Check(owner(other()), access.SettingsWrite, targetOf(customer()))
	if outside.Error() != fault.Missing("organization").Error() {
		t.Errorf("an outsider is told %q", outside)
	}
}

// TestStatuses tries reads and writes in every state of a life.
func TestStatuses(t *testing.T) {
	t.Parallel()
	in := func(status orgtree.Status) access.Target {
		target := targetOf(customer())
		target.Status = status
		return target
	}
	for _, tt := range []struct {
		status     orgtree.Status
		viewer     access.Viewer
		permission access.Permission
		want       fault.Code
	}{
		{orgtree.Active, owner(customer()), access.SettingsWrite, ""},
		{orgtree.PendingActivation, owner(customer()), access.SettingsRead, ""},
		{orgtree.PendingActivation, owner(customer()), access.OrgRename, ""},
		{orgtree.PendingActivation, owner(customer()), access.TicketsOpen, ""},
		{orgtree.PendingActivation, owner(customer()), access.SettingsWrite, fault.Conflict},
		{orgtree.PendingActivation, owner(customer()), access.MembersInvite, fault.Conflict},
		{orgtree.PendingActivation, owner(customer()), access.BillingWrite, fault.Conflict},
		{orgtree.PendingActivation, owner(customer()), access.OrgDeactivate, fault.Conflict},
		{orgtree.PendingActivation, owner(customer()), access.OrgDelete, fault.Conflict},
		{orgtree.PendingActivation, owner(root()), access.OrgRename, ""},
		{orgtree.PendingActivation, owner(root()), access.UsersRead, ""},
		{orgtree.PendingActivation, owner(root()), access.PartnerLock, fault.Conflict},
		{orgtree.PendingActivation, owner(root()), access.OrgDelete, fault.Conflict},
		{orgtree.PendingActivation, member(customer(), access.Place{}), access.SettingsWrite, fault.Forbidden},
		{orgtree.PendingActivation, owner(other()), access.OrgRead, fault.NotFound},
		{orgtree.Locked, owner(customer()), access.SettingsRead, ""},
		{orgtree.Locked, owner(customer()), access.SettingsWrite, fault.OrganizationLocked},
		{orgtree.Locked, owner(customer()), access.BillingWrite, ""},
		{orgtree.Locked, owner(customer()), access.TicketsOpen, ""},
		{orgtree.Locked, owner(customer()), access.OrgReopen, fault.OrganizationLocked},
		{orgtree.Locked, owner(customer()), access.OrgDeactivate, ""},
		{orgtree.Locked, owner(customer()), access.OrgDelete, fault.OrganizationLocked},
		{orgtree.Locked, owner(partner()), access.OrgDeactivate, fault.Forbidden},
		{orgtree.Locked, owner(root()), access.OrgDeactivate, ""},
		{orgtree.Deactivated, owner(customer()), access.OrgDeactivate, fault.OrganizationDeactivated},
		{orgtree.Locked, owner(partner()), access.UsersRead, ""},
		{orgtree.Locked, owner(partner()), access.UsersWrite, fault.OrganizationLocked},
		{orgtree.Locked, owner(root()), access.BillingWrite, fault.OrganizationLocked},
		{orgtree.Locked, member(customer(), access.Place{}), access.SettingsWrite, fault.Forbidden},
		{orgtree.Locked, access.SystemViewer("job"), access.SettingsWrite, ""},
		{orgtree.Deactivated, owner(customer()), access.BillingRead, ""},
		{orgtree.Deactivated, owner(customer()), access.OrgRename, fault.OrganizationDeactivated},
		{orgtree.Deactivated, owner(customer()), access.OrgReopen, ""},
		{orgtree.Deactivated, owner(partner()), access.OrgReopen, ""},
		{orgtree.Deactivated, owner(partner()), access.SettingsWrite, fault.OrganizationDeactivated},
		{orgtree.Deactivated, owner(partner()), access.OrgRead, ""},
		{orgtree.Deactivated, owner(partner()), access.UsersRead, fault.OrganizationDeactivated},
		{orgtree.Deactivated, owner(partner()), access.PartnerLock, fault.OrganizationDeactivated},
		{orgtree.Deactivated, owner(root()), access.BillingRead, fault.OrganizationDeactivated},
		{orgtree.Deactivated, withKey(owner(customer())), access.BillingRead, ""},
		{orgtree.Deactivated, withKey(owner(customer())), access.BillingWrite, fault.OrganizationDeactivated},
		{orgtree.Deactivated, withKey(owner(customer())), access.OrgReopen, fault.OrganizationDeactivated},
		{orgtree.Locked, withKey(owner(customer())), access.BillingWrite, ""},
		{orgtree.Locked, owner(partner()), access.PartnerLock, ""},
		{orgtree.Deleted, owner(partner()), access.BillingRead, ""},
		{orgtree.Deleted, member(customer(), access.Place{}), access.OrgRead, fault.NotFound},
		{orgtree.Deleted, member(customer(), access.Place{}), access.SettingsWrite, fault.NotFound},
		{orgtree.Deleted, owner(customer()), access.SettingsWrite, fault.NotFound},
		{orgtree.Deleted, owner(partner()), access.SettingsWrite, fault.NotFound},
		{orgtree.Deleted, owner(partner()), access.OrgRead, ""},
	} {
		if got := fault.CodeOf(access.Check(tt.viewer, tt.permission, in(tt.status))); got != tt.want {
			t.Errorf("%s in a %s organization: %q, want %q", tt.permission, tt.status, got, tt.want)
		}
		if tt.want == "" && tt.viewer.IsSystem() {
			continue
		}
		if got, want := slices.Contains(tt.viewer.Allowed(in(tt.status)), tt.permission), tt.want == ""; got != want {
			t.Errorf("%s in a %s organization is listed as allowed: %t", tt.permission, tt.status, got)
		}
	}
	if got := fault.CodeOf(access.CheckSelf(member(customer(), access.Place{}), in(orgtree.Active))); got != "" {
		t.Errorf("a member changes what is their own: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(member(customer(), access.Place{}), in(orgtree.Locked))); got != fault.OrganizationLocked {
		t.Errorf("a member changes what is their own in a locked organization: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(member(customer(), access.Place{}), in(orgtree.PendingActivation))); got != fault.Conflict {
		t.Errorf("a member changes what is their own in a dormant organization: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(owner(other()), in(orgtree.Active))); got != fault.NotFound {
		t.Errorf("an outsider has something of their own: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(owner(partner()), in(orgtree.Active))); got != fault.Forbidden {
		t.Errorf("somebody who is no member has something of their own: %q", got)
	}
	if err := access.CheckSelf(access.SystemViewer("job"), in(orgtree.Active)); err != nil {
		t.Errorf("the system: %v", err)
	}
}

// withKey returns the viewer as they act with an API key.
func withKey(v access.Viewer) access.Viewer {
	v.Key = orgtree.ID{77}
	return v
}

func TestCheckThrough(t *testing.T) {
	t.Parallel()
	both := owner(partner())
	both.Standings[customer()] = owner(customer()).Standings[customer()]
	for name, tt := range map[string]struct {
		viewer access.Viewer
		via    orgtree.ID
		want   fault.Code
	}{
		"the partner in its own name":             {owner(partner()), partner(), ""},
		"the partner in the sub-partner's name":   {owner(partner()), sub(), ""},
		"the partner in the platform's name":      {owner(partner()), root(), fault.Forbidden},
		"the sub-partner in the partner's name":   {owner(sub()), partner(), fault.Forbidden},
		"the platform in anybody's name":          {owner(root()), sub(), ""},
		"the customer's owner in a manager's":     {owner(customer()), sub(), fault.Forbidden},
		"both, in the partner's name":             {both, partner(), ""},
		"both, in the platform's name":            {both, root(), fault.Forbidden},
		"an outsider":                             {owner(other()), partner(), fault.NotFound},
		"the partner in the name of nobody above": {owner(partner()), other(), ""},
		"the system": {access.SystemViewer("job"), root(), ""},
	} {
		if got := fault.CodeOf(access.CheckThrough(tt.viewer, access.PartnerLimits, targetOf(customer()), tt.via)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	locked := targetOf(customer())
	locked.Status = orgtree.Locked
	if got := fault.CodeOf(access.CheckThrough(owner(partner()), access.PartnerLimits, locked, partner())); got != fault.OrganizationLocked {
		t.Errorf("through the tree into a locked organization: %q", got)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	several := owner(partner())
	several.Standings[customer()] = standing(customer(), access.Place{})
	several.Standings[other()] = standing(other(), access.Place{})
	for name, tt := range map[string]struct {
		viewer access.Viewer
		want   access.Reach
	}{
		"the system":                  {access.SystemViewer("job"), access.Reach{Everything: true}},
		"nobody":                      {access.Viewer{}, access.Reach{}},
		"a customer's owner":          {owner(customer()), access.Reach{Organizations: []orgtree.ID{customer()}}},
		"a partner's owner":           {owner(partner()), access.Reach{Subtrees: []orgtree.ID{partner()}}},
		"a partner's Administrators":  {withBuiltin(partner(), access.Administrators), access.Reach{Organizations: []orgtree.ID{partner()}}},
		"the platform's owner":        {owner(root()), access.Reach{Subtrees: []orgtree.ID{root()}}},
		"the platform's org:settings": {withRole(root(), access.RoleSettings), access.Reach{Organizations: []orgtree.ID{root()}}},
		"a member of several":         {several, access.Reach{Organizations: []orgtree.ID{customer(), other()}, Subtrees: []orgtree.ID{partner()}}},
	} {
		if diff := cmp.Diff(tt.want, tt.viewer.Reach()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRightsImplyReach holds for every viewer above: who may read an
// organization also sees it, and the other way round.
func TestRightsImplyReach(t *testing.T) {
	t.Parallel()
	all := []orgtree.ID{root(), partner(), sub(), customer(), other()}
	for _, in := range all {
		for _, viewer := range []access.Viewer{
			owner(in), member(in, access.Place{}), withRole(in, access.RoleAdmin), withRole(in, access.RoleUsers), withBuiltin(in, access.Administrators),
		} {
			for _, id := range all {
				target := targetOf(id)
				reach := viewer.Reach()
				sees := slices.Contains(reach.Organizations, id) || slices.ContainsFunc(target.Path, func(a orgtree.ID) bool { return slices.Contains(reach.Subtrees, a) })
				if reads := access.Check(viewer, access.OrgRead, target) == nil; reads != sees {
					t.Errorf("%+v reads %v: %t, sees it: %t", viewer.Standings, id[0], reads, sees)
				}
			}
		}
	}
}

func TestCatalogueHasNoDuplicates(t *testing.T) {
	t.Parallel()
	seen := map[access.Permission]bool{}
	for _, p := range access.Permissions() {
		if seen[p] || strings.Count(string(p), ":") != 1 {
			t.Errorf("%q is listed twice or is not area:verb", p)
		}
		seen[p] = true
	}
	if !slices.Equal(access.Roles(), []access.Role{"org:admin", "org:settings", "org:users", "org:groups"}) {
		t.Errorf("the roles are %v", access.Roles())
	}
	for _, b := range access.Builtins() {
		if b.Label() == string(b) || !slices.Contains(b.Values(), string(b)) {
			t.Errorf("the built-in group %s has no label or no value", b)
		}
	}
}

func TestViewerInContext(t *testing.T) {
	t.Parallel()
	if !access.ViewerFrom(context.Background()).IsAnonymous() {
		t.Error("somebody acts in an empty context")
	}
	ctx := access.WithViewer(context.Background(), owner(customer()))
	exactly := cmp.Options{
		cmp.Comparer(func(a, b *access.Standing) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
	type key struct{}
	child := context.WithValue(ctx, key{}, 1)
	renewed := owner(partner())
	access.Renew(child, renewed)
	for name, c := range map[string]context.Context{"the child": child, "the parent": ctx} {
		if diff := cmp.Diff(renewed, access.ViewerFrom(c), exactly); diff != "" {
			t.Errorf("%s was not renewed (-want +got):\n%s", name, diff)
		}
	}
	inner := access.WithViewer(ctx, access.SystemViewer("records"))
	access.Renew(inner, access.SystemViewer("other"))
	if diff := cmp.Diff(renewed, access.ViewerFrom(ctx), exactly); diff != "" {
		t.Errorf("renewing an inner viewer changed the outer one (-want +got):\n%s", diff)
	}
	access.Renew(context.Background(), renewed) // does nothing
}

func TestCircumstancesInContext(t *testing.T) {
	t.Parallel()
	if got := access.CircumstancesFrom(context.Background()); got != (access.Circumstances{}) {
		t.Errorf("a request comes from nowhere: %+v", got)
	}
	if got := access.CircumstancesFrom(access.WithCircumstances(context.Background(), now())); got != now() {
		t.Errorf("a request comes from %+v", got)
	}
}

// TestVia finds the nearest organization from which a right flows down.
func TestVia(t *testing.T) {
	t.Parallel()
	both := owner(partner())
	both.Standings[sub()] = withSets(sub(), access.ResellerFullAccess).Standings[sub()]
	for name, tt := range map[string]struct {
		viewer     access.Viewer
		permission access.Permission
		want       orgtree.ID
	}{
		"from the partner":                 {owner(partner()), access.GroupsRoles, partner()},
		"from the nearer one":              {both, access.PartnerLock, sub()},
		"past the one that does not":       {both, access.GroupsRoles, partner()},
		"from the organization itself":     {owner(customer()), access.GroupsRoles, orgtree.ID{}},
		"what does not flow":               {owner(partner()), access.PoliciesWrite, orgtree.ID{}},
		"what has no meaning in customers": {owner(root()), access.UsageImport, orgtree.ID{}},
	} {
		got, found := tt.viewer.Via(tt.permission, targetOf(customer()))
		if got != tt.want || found == tt.want.IsZero() {
			t.Errorf("%s: %v, %t", name, got, found)
		}
	}
}

// TestLost compares somebody with what they are later.
func TestLost(t *testing.T) {
	t.Parallel()
	locked := access.Place{Organization: customer(), Kind: orgtree.Standard, Status: orgtree.Locked}
	ever := &access.Condition{NotBefore: &time.Time{}}
	limited := access.Place{Policies: []access.Policy{{Rules: []access.Rule{{
		Sets: []access.SetName{access.BillingManager}, Scope: access.InOrganization(), Condition: ever,
	}}}}}
	both := viewerWith(map[orgtree.ID]*access.Standing{
		customer(): standing(customer(), access.Place{}), other(): standing(other(), access.Place{}),
	})
	for name, tt := range map[string]struct {
		before, after access.Viewer
		want          bool
	}{
		"nothing changed":            {owner(customer()), owner(customer()), false},
		"a right came":               {member(customer(), access.Place{}), withRole(customer(), access.RoleUsers), false},
		"a place came":               {member(customer(), access.Place{}), both, false},
		"a place went":               {both, member(customer(), access.Place{}), true},
		"ownership went":             {owner(customer()), withRole(customer(), access.RoleAdmin), true},
		"a role went":                {withRole(customer(), access.RoleUsers), member(customer(), access.Place{}), true},
		"one role for another":       {withRole(customer(), access.RoleUsers), withRole(customer(), access.RoleGroups), true},
		"the same by another way":    {withRole(customer(), access.RoleGroups), withRole(customer(), access.RoleGroups, access.RoleUsers), false},
		"the organization is locked": {member(customer(), access.Place{}), viewerWith(map[orgtree.ID]*access.Standing{customer(): access.NewStanding(locked, now())}), true},
		"a condition came":           {withSets(customer(), access.BillingManager), member(customer(), limited), true},
		"a condition went":           {member(customer(), limited), withSets(customer(), access.BillingManager), false},
		"the door below closed": {
			withSets(partner(), access.ResellerReadOnly, access.AuditReadOnly), withSets(partner(), access.AuditReadOnly), true,
		},
	} {
		if got := tt.before.Lost(tt.after); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestStanding looks at what a place is made into.
func TestStanding(t *testing.T) {
	t.Parallel()
	s := standing(customer(), access.Place{Groups: []access.Group{
		{ID: orgtree.ID{1}, Roles: []access.Role{access.RoleUsers, access.RoleGroups}},
		{ID: orgtree.ID{2}, Roles: []access.Role{access.RoleUsers}},
		access.BuiltinGroup(access.Editors),
		access.BuiltinGroup(access.Administrators),
	}})
	if !slices.Equal(s.Roles, []access.Role{access.RoleGroups, access.RoleUsers}) {
		t.Errorf("roles %v", s.Roles)
	}
	if !slices.Equal(s.Builtins, []access.Builtin{access.Administrators, access.Editors}) {
		t.Errorf("built-in groups %v", s.Builtins)
	}
	if !s.IsIn(orgtree.ID{1}) || s.IsIn(orgtree.ID{9}) || s.Conditional {
		t.Error("the standing is in the wrong groups, or conditional")
	}
	viewer := viewerWith(map[orgtree.ID]*access.Standing{customer(): s, other(): standing(other(), access.Place{})})
	if viewer.Standing(customer()) != s || viewer.Standing(root()) == nil || viewer.Standing(root()).IsIn(orgtree.ID{1}) {
		t.Error("a viewer's place is lost, or made up")
	}
	bound, ok := viewer.In(customer())
	if !ok || len(bound.Standings) != 1 || len(viewer.Standings) != 2 {
		t.Errorf("bound to one organization there are %d places, without %d", len(bound.Standings), len(viewer.Standings))
	}
	if _, ok := viewer.In(root()); ok {
		t.Error("a viewer is bound to an organization that they are not in")
	}
}
