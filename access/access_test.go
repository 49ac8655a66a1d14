package access_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// The organizations of the tests: a platform, a partner, a partner below it and
// its customer, and another partner.
func root() orgtree.ID     { return orgtree.ID{1} }
func partner() orgtree.ID  { return orgtree.ID{2} }
func sub() orgtree.ID      { return orgtree.ID{3} }
func customer() orgtree.ID { return orgtree.ID{4} }
func other() orgtree.ID    { return orgtree.ID{5} }

func targetOf(id orgtree.ID) access.Target {
	switch id {
	case root():
		return access.Target{Path: orgtree.Path{root()}, Kind: orgtree.Platform, Status: orgtree.Active}
	case partner():
		return access.Target{Path: orgtree.Path{root(), partner()}, Kind: orgtree.Partner, Status: orgtree.Active}
	case sub():
		return access.Target{Path: orgtree.Path{root(), partner(), sub()}, Kind: orgtree.Partner, Status: orgtree.Active}
	case other():
		return access.Target{Path: orgtree.Path{root(), other()}, Kind: orgtree.Partner, Status: orgtree.Active}
	default:
		return access.Target{Path: orgtree.Path{root(), partner(), sub(), customer()}, Kind: orgtree.Standard, Status: orgtree.Active}
	}
}

func kindOf(id orgtree.ID) orgtree.Kind { return targetOf(id).Kind }

// member returns a viewer with one standing.
func member(in orgtree.ID, standing access.Standing) access.Viewer {
	standing.Kind = kindOf(in)
	return access.Viewer{Kind: access.User, ID: orgtree.ID{99}, Name: "viewer", Standings: map[orgtree.ID]access.Standing{in: standing}}
}

func owner(in orgtree.ID) access.Viewer { return member(in, access.Standing{Owner: true}) }

func withRole(in orgtree.ID, roles ...access.Role) access.Viewer {
	return member(in, access.Standing{Roles: roles})
}

func withBuiltin(in orgtree.ID, builtins ...access.Builtin) access.Viewer {
	return member(in, access.Standing{Builtins: builtins})
}

func words(permissions []access.Permission) string {
	texts := make([]string, len(permissions))
	for i, p := range permissions {
		texts[i] = string(p)
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func sorted(text string) string {
	list := strings.Fields(text)
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestSets lists what every set gives in a customer.
func TestSets(t *testing.T) {
	t.Parallel()
	const everybody = "org:read quota:read tickets:open"
	const admin = `org:read org:rename settings:read settings:write security:write identity:write
		users:read users:write users:lock members:invite members:role members:remove groups:read groups:write groups:roles
		applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write
		billing:read billing:write allocations:write plan:read tickets:open tickets:read tickets:write audit:read quota:read
		webhooks:write cloudaccounts:read cloudaccounts:write`
	for name, tt := range map[string]struct {
		viewer access.Viewer
		want   string
	}{
		"a plain member": {member(customer(), access.Standing{}), everybody},
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
			tickets:read tickets:write audit:read plan:read webhooks:write allocations:write billing:read billing:write`},
		"Editors":                {withBuiltin(customer(), access.Editors), everybody + " plan:read projects:read"},
		"Billing Administrators": {withBuiltin(customer(), access.BillingAdministrators), everybody + " plan:read billing:read billing:write"},
		"the owner":              {owner(customer()), admin + " org:reopen org:deactivate org:delete org:transfer billingadmin:assign plan:write"},
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
	platform := everything
	for _, never := range []string{"org:transfer", "platform:read", "platform:write", "usage:import", "usage:map"} {
		platform = strings.ReplaceAll(" "+platform+" ", " "+never+" ", " ")
	}
	for name, tt := range map[string]struct {
		viewer access.Viewer
		want   string
	}{
		"a partner's owner":           {owner(partner()), delegated},
		"a partner's org:admin":       {withRole(partner(), access.RoleAdmin), delegated},
		"a partner's org:settings":    {withRole(partner(), access.RoleSettings), ""},
		"a partner's Administrators":  {withBuiltin(partner(), access.Administrators), ""},
		"a partner's member":          {member(partner(), access.Standing{}), ""},
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
	viewer.Standings[partner()] = access.Standing{Kind: orgtree.Partner, Roles: []access.Role{access.RoleAdmin}}
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
		"a member without the right": {member(customer(), access.Standing{}), customer(), fault.Forbidden},
		"a member with it":           {withRole(customer(), access.RoleSettings), customer(), ""},
		"through the tree":           {owner(partner()), customer(), ""},
		"a partner's plain member":   {member(partner(), access.Standing{}), customer(), fault.NotFound},
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
		{orgtree.PendingActivation, owner(customer()), access.SettingsWrite, ""},
		{orgtree.Locked, owner(customer()), access.SettingsRead, ""},
		{orgtree.Locked, owner(customer()), access.SettingsWrite, fault.OrganizationLocked},
		{orgtree.Locked, owner(customer()), access.BillingWrite, ""},
		{orgtree.Locked, owner(customer()), access.TicketsOpen, ""},
		{orgtree.Locked, owner(customer()), access.OrgReopen, fault.OrganizationLocked},
		{orgtree.Locked, owner(partner()), access.UsersRead, ""},
		{orgtree.Locked, owner(partner()), access.UsersWrite, fault.OrganizationLocked},
		{orgtree.Locked, owner(root()), access.BillingWrite, fault.OrganizationLocked},
		{orgtree.Locked, member(customer(), access.Standing{}), access.SettingsWrite, fault.Forbidden},
		{orgtree.Locked, access.SystemViewer("job"), access.SettingsWrite, ""},
		{orgtree.Deactivated, owner(customer()), access.BillingRead, ""},
		{orgtree.Deactivated, owner(customer()), access.OrgRename, fault.OrganizationDeactivated},
		{orgtree.Deactivated, owner(customer()), access.OrgReopen, ""},
		{orgtree.Deactivated, owner(partner()), access.OrgReopen, ""},
		{orgtree.Deactivated, owner(partner()), access.SettingsWrite, fault.OrganizationDeactivated},
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
	if got := fault.CodeOf(access.CheckSelf(member(customer(), access.Standing{}), in(orgtree.Active))); got != "" {
		t.Errorf("a member changes what is their own: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(member(customer(), access.Standing{}), in(orgtree.Locked))); got != fault.OrganizationLocked {
		t.Errorf("a member changes what is their own in a locked organization: %q", got)
	}
	if got := fault.CodeOf(access.CheckSelf(owner(other()), in(orgtree.Active))); got != fault.NotFound {
		t.Errorf("an outsider has something of their own: %q", got)
	}
}

func TestCheckThrough(t *testing.T) {
	t.Parallel()
	both := owner(partner())
	both.Standings[customer()] = access.Standing{Kind: orgtree.Standard, Owner: true}
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

// TestNoEscalation tries to grant what one does not have.
func TestNoEscalation(t *testing.T) {
	t.Parallel()
	admins := access.Administrators
	billing := access.BillingAdministrators
	joined := owner(partner())
	joined.Standings[customer()] = access.Standing{Kind: orgtree.Standard}
	for name, tt := range map[string]struct {
		viewer  access.Viewer
		roles   []access.Role
		builtin *access.Builtin
		want    fault.Code
	}{
		"org:groups joins people to nothing":           {viewer: withRole(customer(), access.RoleGroups)},
		"org:groups joins people to org:admin":         {viewer: withRole(customer(), access.RoleGroups), roles: []access.Role{access.RoleAdmin}, want: fault.Forbidden},
		"org:groups joins people to org:groups":        {viewer: withRole(customer(), access.RoleGroups), roles: []access.Role{access.RoleGroups}},
		"org:groups joins people to org:users":         {viewer: withRole(customer(), access.RoleGroups), roles: []access.Role{access.RoleUsers}, want: fault.Forbidden},
		"Administrators join people to org:settings":   {viewer: withBuiltin(customer(), access.Administrators), roles: []access.Role{access.RoleSettings}},
		"Administrators join people to org:users":      {viewer: withBuiltin(customer(), access.Administrators), roles: []access.Role{access.RoleUsers}, want: fault.Forbidden},
		"Administrators join people to themselves":     {viewer: withBuiltin(customer(), access.Administrators), builtin: &admins, want: fault.Forbidden},
		"org:admin joins people to org:admin":          {viewer: withRole(customer(), access.RoleAdmin), roles: []access.Role{access.RoleAdmin}},
		"org:admin joins people to Administrators":     {viewer: withRole(customer(), access.RoleAdmin), builtin: &admins},
		"org:admin appoints billing administrators":    {viewer: withRole(customer(), access.RoleAdmin), builtin: &billing, want: fault.Forbidden},
		"the owner appoints billing administrators":    {viewer: owner(customer()), builtin: &billing},
		"a partner joins people to org:admin":          {viewer: owner(partner()), roles: []access.Role{access.RoleAdmin}},
		"a partner joins people to Administrators":     {viewer: owner(partner()), builtin: &admins},
		"a partner appoints billing administrators":    {viewer: owner(partner()), builtin: &billing, want: fault.Forbidden},
		"the platform appoints billing administrators": {viewer: owner(root()), builtin: &billing},
		"a partner who joined joins people to itself":  {viewer: joined, roles: []access.Role{access.RoleAdmin}, want: fault.Forbidden},
		"an outsider": {viewer: owner(other()), roles: []access.Role{access.RoleUsers}, want: fault.Forbidden},
		"the system":  {viewer: access.SystemViewer("job"), roles: access.Roles(), builtin: &billing},
	} {
		if got := fault.CodeOf(access.CheckPlacing(tt.viewer, tt.roles, tt.builtin, targetOf(customer()))); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestActingOnMembers tries to act on people who hold more.
func TestActingOnMembers(t *testing.T) {
	t.Parallel()
	in := func(roles ...access.Role) access.Standing {
		return access.Standing{Kind: orgtree.Standard, Roles: roles}
	}
	for name, tt := range map[string]struct {
		viewer access.Viewer
		on     access.Standing
		want   fault.Code
	}{
		"org:users on a plain member":       {withRole(customer(), access.RoleUsers), in(), ""},
		"org:users on another":              {withRole(customer(), access.RoleUsers), in(access.RoleUsers), ""},
		"org:users on org:admin":            {withRole(customer(), access.RoleUsers), in(access.RoleAdmin), fault.Forbidden},
		"org:users on Administrators":       {withRole(customer(), access.RoleUsers), access.Standing{Kind: orgtree.Standard, Builtins: []access.Builtin{access.Administrators}}, fault.Forbidden},
		"org:admin on org:admin":            {withRole(customer(), access.RoleAdmin), in(access.RoleAdmin), ""},
		"org:admin on the owner":            {withRole(customer(), access.RoleAdmin), access.Standing{Kind: orgtree.Standard, Owner: true}, fault.Forbidden},
		"a partner on org:admin":            {owner(partner()), in(access.RoleAdmin), ""},
		"a partner on the owner":            {owner(partner()), access.Standing{Kind: orgtree.Standard, Owner: true}, fault.Forbidden},
		"the platform on the owner":         {owner(root()), access.Standing{Kind: orgtree.Standard, Owner: true}, fault.Forbidden},
		"the owner on org:admin":            {owner(customer()), in(access.RoleAdmin), ""},
		"an outsider on a member with none": {owner(other()), in(), ""},
	} {
		if got := fault.CodeOf(access.CheckMember(tt.viewer, tt.on, targetOf(customer()))); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	several := owner(partner())
	several.Standings[customer()] = access.Standing{Kind: orgtree.Standard}
	several.Standings[other()] = access.Standing{Kind: orgtree.Partner}
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
			owner(in), member(in, access.Standing{}), withRole(in, access.RoleAdmin), withRole(in, access.RoleUsers), withBuiltin(in, access.Administrators),
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
	type key struct{}
	child := context.WithValue(ctx, key{}, 1)
	renewed := owner(partner())
	access.Renew(child, renewed)
	for name, c := range map[string]context.Context{"the child": child, "the parent": ctx} {
		if diff := cmp.Diff(renewed, access.ViewerFrom(c)); diff != "" {
			t.Errorf("%s was not renewed (-want +got):\n%s", name, diff)
		}
	}
	inner := access.WithViewer(ctx, access.SystemViewer("records"))
	access.Renew(inner, access.SystemViewer("other"))
	if diff := cmp.Diff(renewed, access.ViewerFrom(ctx)); diff != "" {
		t.Errorf("renewing an inner viewer changed the outer one (-want +got):\n%s", diff)
	}
	access.Renew(context.Background(), renewed) // does nothing
}
