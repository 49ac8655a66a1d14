package access_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/access.md")

// TestDocumentedSets compares the table of permission sets that users read with
// the catalogue.
func TestDocumentedSets(t *testing.T) {
	t.Parallel()
	compareSection(t, "sets", setsTable())
}

// TestDocumentedPermissions compares the table of permissions with what the
// evaluator answers to people who come in through the tree.
func TestDocumentedPermissions(t *testing.T) {
	t.Parallel()
	compareSection(t, "permissions", permissionsTable())
}

// compareSection compares what stands between two marks of the page.
func compareSection(t *testing.T, mark, want string) {
	t.Helper()
	const page = "../docs/access.md"
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(content), "<!-- "+mark+":")
	comment, rest, ended := strings.Cut(rest, "-->\n")
	got, after, closed := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !opened || !ended || !closed {
		t.Fatalf("the page has no section %s", mark)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("the table is not that of the model (-page +model):\n%s", cmp.Diff(got, want))
	}
	text := before + "<!-- " + mark + ":" + comment + "-->\n" + want + "<!-- /" + mark + " -->" + after
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func setsTable() string {
	var out strings.Builder
	out.WriteString("\n| set | given in | for | what it holds |\n|---|---|---|---|\n")
	for _, set := range access.PermissionSets() {
		scope := "the organization"
		if set.Scope == access.ProjectScope {
			scope = "projects"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", set.Name, scope, kindsOf(set.ExistsIn), holdings(set.Name))
	}
	out.WriteString("\n")
	return out.String()
}

// kindsOf says in which kinds of organization something has a meaning.
func kindsOf(exists func(orgtree.Kind) bool) string {
	switch {
	case exists(orgtree.Standard):
		return "all"
	case exists(orgtree.Partner):
		return "partners and the platform"
	default:
		return "the platform"
	}
}

// holdings lists what a set holds: everywhere, and what more there is in
// partners, in the platform and by the switches.
func holdings(name access.SetName) string {
	held := func(kind orgtree.Kind, s access.Switches) access.Set {
		return access.RightsOf([]access.Grant{{
			Set: name, Scope: access.InOrganization(), Source: access.Source{Kind: access.FromPolicy},
		}}, kind, s).Organization
	}
	off := access.Switches{}
	standard, partner, platform := held(orgtree.Standard, off), held(orgtree.Partner, off), held(orgtree.Platform, off)
	billing, members := held(orgtree.Standard, access.Switches{ManageBilling: true}), held(orgtree.Standard, access.Switches{ManageMembers: true})
	var parts []string
	for _, part := range []struct {
		more access.Set
		when string
	}{
		{standard, ""},
		{partner &^ standard, "in partners and the platform "},
		{platform &^ partner, "in the platform "},
		{billing &^ standard, "if administrators manage billing "},
		{members &^ standard, "if administrators manage members "},
	} {
		if part.more == 0 {
			continue
		}
		when := part.when
		if len(parts) == 0 {
			when = "" // The column before says where the whole set exists.
		}
		parts = append(parts, when+code(part.more.List()))
	}
	return strings.Join(parts, "; ")
}

func code(permissions []access.Permission) string {
	words := make([]string, len(permissions))
	for i, p := range permissions {
		words[i] = "`" + string(p) + "`"
	}
	return strings.Join(words, " ")
}

func permissionsTable() string {
	flows := newFlows()
	var out strings.Builder
	out.WriteString("\n| permission | in | through a partner | through the platform |\n|---|---|---|---|\n")
	for _, p := range access.Permissions() {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", p, whereOf(p), flows.fromPartner(p), flows.fromPlatform(p))
	}
	out.WriteString("\n")
	return out.String()
}

// whereOf says where a permission has a meaning, and whether it is the owner's
// alone.
func whereOf(p access.Permission) string {
	owned := func(kind orgtree.Kind) bool {
		ownership := access.Grant{Scope: access.InOrganization(), Source: access.Source{Kind: access.FromOwnership}}
		return access.RightsOf([]access.Grant{ownership}, kind, access.Switches{}).Organization.Has(p)
	}
	where := kindsOf(owned)
	if isOfProjects(p) {
		where = "projects"
	}
	if isOwnersAlone(p) {
		where += ", the owner alone"
	}
	return where
}

func isOwnersAlone(p access.Permission) bool {
	return len(access.SetsWith(p, orgtree.Platform, access.Switches{ManageBilling: true, ManageMembers: true})) == 0
}

// isOfProjects reports whether a permission is given in projects only.
func isOfProjects(p access.Permission) bool {
	sets := access.SetsWith(p, orgtree.Standard, access.DefaultSwitches())
	return len(sets) > 0 && !slices.ContainsFunc(sets, func(name access.SetName) bool {
		set, _ := access.LookupSet(name)
		return set.Scope == access.OrganizationScope
	})
}

// flows are what people of the tiers above may do in a partner below theirs.
type flows struct {
	door, partner, reading, writing []access.Permission
}

func newFlows() flows {
	root, above, below := orgtree.ID{1}, orgtree.ID{2}, orgtree.ID{3}
	target := access.Target{Path: orgtree.Path{root, above, below}, Kind: orgtree.Partner, Status: orgtree.Active}
	allowed := func(place access.Place) []access.Permission {
		standing := access.NewStanding(place, access.Circumstances{})
		viewer := access.Viewer{Kind: access.User, ID: orgtree.ID{9}, Standings: map[orgtree.ID]*access.Standing{place.Organization: standing}}
		return viewer.Allowed(target)
	}
	given := func(set access.SetName) []access.Policy {
		return []access.Policy{{Rules: []access.Rule{{Sets: []access.SetName{set}, Scope: access.InOrganization()}}}}
	}
	return flows{
		door:    allowed(access.Place{Organization: above, Kind: orgtree.Partner, Policies: given(access.ResellerReadOnly)}),
		partner: allowed(access.Place{Organization: above, Kind: orgtree.Partner, Owner: true}),
		reading: allowed(access.Place{Organization: root, Kind: orgtree.Platform, Policies: given(access.PlatformReadOnly)}),
		writing: allowed(access.Place{Organization: root, Kind: orgtree.Platform, Owner: true}),
	}
}

func (f flows) fromPartner(p access.Permission) string {
	switch {
	case slices.Contains(f.door, p):
		return "with the door"
	case !slices.Contains(f.partner, p):
		return "never"
	case isOwnersAlone(p):
		return "for its owner and `org:admin`"
	default:
		return "if held there"
	}
}

func (f flows) fromPlatform(p access.Permission) string {
	switch {
	case slices.Contains(f.reading, p):
		return "`platform:read`"
	case slices.Contains(f.writing, p):
		return "`platform:write`"
	default:
		return "never"
	}
}
