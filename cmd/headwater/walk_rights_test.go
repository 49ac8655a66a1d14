package main

import (
	"slices"
	"strings"
	"testing"
)

// rightsTable is the model of rights as it was decided, read here apart from
// the code that decides: which permission who holds by being in an
// organization, and how it flows down.
//
//	where  any organization, a manager (a partner or the platform), the root,
//	       or a project
//	OW owner · AD Administrators · ED Editors · BA Billing Administrators
//	ME every member · GA org:admin · GS org:settings · GU org:users · GG org:groups
//	RF ResellerFullAccess · RR ResellerReadOnly · PR PlatformReadOnly
//	CR a member of the group that reaches one project, in that project
//	flow   from a partner: what is held there (held), whatever is held once the
//	       door is open (door), of the owner and org:admin (head), or not at all
//	tree   from the platform: with platform:write, reads with platform:read too
//
// The switches of Administrators are as they are where nobody set them.
const rightsTable = `
permission           where    OW AD ED BA ME GA GS GU GG RF RR PR CR  flow  tree
org:read             any       y  y  y  y  y  y  y  y  y  -  -  -  -  door  y
org:rename           any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
org:reopen           any       y  -  -  -  -  -  -  -  -  -  -  -  -  head  y
org:deactivate       any       y  -  -  -  -  -  -  -  -  -  -  -  -  -     y
org:delete           any       y  -  -  -  -  -  -  -  -  -  -  -  -  -     y
org:transfer         any       y  -  -  -  -  -  -  -  -  -  -  -  -  -     -
settings:read        any       y  y  -  -  -  y  y  -  -  -  -  -  -  held  y
settings:write       any       y  y  -  -  -  y  y  -  -  -  -  -  -  held  y
security:write       any       y  y  -  -  -  y  y  -  -  -  -  -  -  held  y
identity:write       any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
users:read           any       y  y  -  -  -  y  -  y  y  -  -  -  -  held  y
users:write          any       y  y  -  -  -  y  -  y  -  -  -  -  -  held  y
users:lock           any       y  -  -  -  -  y  -  y  -  -  -  -  -  held  y
members:invite       any       y  y  -  -  -  y  -  y  -  -  -  -  -  held  y
members:role         any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
members:remove       any       y  -  -  -  -  y  -  y  -  -  -  -  -  held  y
billingadmin:assign  any       y  -  -  -  -  -  -  -  -  -  -  -  -  -     y
groups:read          any       y  y  -  -  -  y  -  y  y  -  -  -  -  held  y
groups:write         any       y  y  -  -  -  y  -  -  y  -  -  -  -  held  y
groups:roles         any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
applications:read    any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
applications:write   any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
apikeys:read         any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
apikeys:write        any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
policies:read        any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
policies:write       any       y  -  -  -  -  y  -  -  -  -  -  -  -  -     y
projects:read        any       y  y  y  -  -  y  -  -  -  -  -  -  y  held  y
projects:write       any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
billing:read         any       y  y  -  y  -  y  -  -  -  -  -  -  -  door  y
billing:write        any       y  y  -  y  -  y  -  -  -  -  -  -  -  -     y
allocations:write    any       y  y  -  -  -  y  y  -  -  -  -  -  -  held  y
plan:read            any       y  y  y  y  -  y  -  -  -  -  -  -  -  -     y
plan:write           any       y  -  -  -  -  -  -  -  -  -  -  -  -  -     y
tickets:open         any       y  y  y  y  y  y  y  y  y  -  -  -  -  -     -
tickets:read         any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
tickets:write        any       y  y  -  -  -  y  -  -  -  -  -  -  -  -     y
audit:read           any       y  y  -  -  -  y  -  -  -  -  -  -  -  held  y
quota:read           any       y  y  y  y  y  y  y  y  y  -  -  -  -  door  y
webhooks:write       any       y  y  -  -  -  y  y  -  -  -  -  -  -  held  y
cloudaccounts:read   any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
cloudaccounts:write  any       y  -  -  -  -  y  -  -  -  -  -  -  -  held  y
usage:import         manager   y  -  -  -  -  y  -  -  -  -  -  -  -  -     y
usage:map            manager   y  -  -  -  -  y  -  -  -  -  -  -  -  -     y
partner:read         manager   y  -  -  -  -  y  -  -  -  y  y  -  -  held  y
partner:create       manager   y  -  -  -  -  y  -  -  -  y  -  -  -  held  y
partner:update       manager   y  -  -  -  -  y  -  -  -  y  -  -  -  held  y
partner:lock         manager   y  -  -  -  -  y  -  -  -  y  -  -  -  held  y
partner:multiplier   manager   y  -  -  -  -  y  -  -  -  y  -  -  -  held  y
partner:limits       manager   y  -  -  -  -  y  -  -  -  y  -  -  -  held  y
platform:read        root      y  -  -  -  -  y  -  -  -  -  -  y  -  -     -
platform:write       root      y  -  -  -  -  y  -  -  -  -  -  -  -  -     -
resources:read       project   y  y  y  -  -  -  -  -  -  -  -  -  y  -     -
resources:write      project   y  y  y  -  -  -  -  -  -  -  -  -  y  -     -
sshkeys:read         project   y  y  y  -  -  -  -  -  -  -  -  -  -  -     -
sshkeys:write        project   y  y  y  -  -  -  -  -  -  -  -  -  -  -     -
projectkeys:write    project   y  y  y  -  -  -  -  -  -  -  -  -  -  -     -
`

// walkTree says what the organizations of the walk are and who manages them.
const walkTree = `
platform   root      -
northwind  partner   platform
southgate  partner   platform
fjord      partner   northwind
acme       standard  northwind
bravo      standard  northwind
dusk       standard  northwind  deactivated
cove       standard  fjord
`

// walkActors are those who walk: who is asked for, and what they are where. A
// name with @ is a token that is bound to the organization, with + an API key.
const walkActors = `
ada            platform OW
pat            platform ME GS
petra          platform ME PR
piet           platform ME GA
paula          northwind OW
paula@northwind northwind OW
pia            northwind ME GA
pete           northwind ME AD
penny          northwind ME
rafe           northwind ME AD RF
reed           northwind ME RR
billie         northwind ME BA RF
ursula         northwind ME GU RF
sven           fjord OW
sia            fjord ME AD
cora           cove OW
rita           southgate OW
gus            southgate ME, acme ME
gus@southgate  southgate ME
gus@acme       acme ME
bob            bravo OW
ben            bravo ME
dora           dusk OW
dan            dusk ME
olga           acme OW
gail           acme ME GA
seth           acme ME GS
uma            acme ME GU
greg           acme ME GG
adam           acme ME AD
edna           acme ME ED
bill           acme ME BA
max            acme ME
cleo           acme ME CR
deployer       acme ME GS
adam+key       acme ME AD
gus+key        acme ME
deployer+key   acme ME GS
nobody
`

// place is an organization of the walk.
type place struct {
	kind, manager string
	deactivated   bool
}

// walker is one who walks.
type walker struct {
	// name is how the world knows the bearer of the token, who of them it is.
	name, who string
	// standings are what they are, by organization.
	standings map[string][]string
}

func (a *walker) isNobody() bool { return a.name == "nobody" }

// oracle says who holds what, by the tables.
type oracle struct {
	columns     []string
	permissions map[string]map[string]string
	order       []string
	places      map[string]place
	// inAnyState says that the state of organizations does not count.
	inAnyState bool
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	o := &oracle{permissions: map[string]map[string]string{}, places: map[string]place{}}
	for line := range strings.Lines(strings.TrimSpace(rightsTable)) {
		words := strings.Fields(line)
		if o.columns == nil {
			o.columns = words
			continue
		}
		if len(words) != len(o.columns) {
			t.Fatalf("the row has %d cells of %d: %q", len(words), len(o.columns), line)
		}
		row := map[string]string{}
		for i, cell := range words {
			row[o.columns[i]] = cell
		}
		o.permissions[words[0]] = row
		o.order = append(o.order, words[0])
	}
	for line := range strings.Lines(strings.TrimSpace(walkTree)) {
		words := strings.Fields(line)
		o.places[words[0]] = place{kind: words[1], manager: words[2], deactivated: len(words) > 3}
	}
	return o
}

func newWalkers(t *testing.T) []*walker {
	t.Helper()
	var walkers []*walker
	for line := range strings.Lines(strings.TrimSpace(walkActors)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		who := name[:(strings.IndexAny(name+"@", "@+"))]
		a := &walker{name: name, who: who, standings: map[string][]string{}}
		for standing := range strings.SplitSeq(rest, ",") {
			if words := strings.Fields(standing); len(words) > 0 {
				a.standings[words[0]] = words[1:]
			}
		}
		walkers = append(walkers, a)
	}
	return walkers
}

// site is the project of each organization that its crew reaches.
func site(slug string) string { return slug + ".site" }

// here reports whether a permission is held in an organization, or in a project
// of it, by being there.
func (o *oracle) here(a *walker, permission, slug, project string) bool {
	row, known := o.permissions[permission]
	if !known || !o.exists(permission, slug) {
		return false
	}
	return slices.ContainsFunc(a.standings[slug], func(is string) bool {
		return row[is] == "y" && (is != "CR" || project == site(slug))
	})
}

// exists reports whether a permission has a meaning in an organization.
func (o *oracle) exists(permission, slug string) bool {
	switch o.permissions[permission]["where"] {
	case "manager":
		return o.places[slug].kind != "standard"
	case "root":
		return o.places[slug].kind == "root"
	default:
		return true
	}
}

// through reports whether a permission flows down to an organization from one
// above it.
func (o *oracle) through(a *walker, permission, slug string) bool {
	row, known := o.permissions[permission]
	// What a partner does to those it manages is a right over organizations of
	// every kind.
	if !known || !o.exists(permission, slug) && !strings.HasPrefix(permission, "partner:") {
		return false
	}
	if o.places[slug].deactivated && !o.inAnyState && !slices.Contains([]string{"org:read", "org:reopen", "partner:read"}, permission) {
		return false
	}
	for above := o.places[slug].manager; above != "-"; above = o.places[above].manager {
		if o.flows(a, permission, row, above) {
			return true
		}
	}
	return false
}

// fromManager reports whether a permission over an organization flows down from
// the one directly above it.
func (o *oracle) fromManager(a *walker, permission, slug string) bool {
	above := o.places[slug].manager
	return above != "-" && o.flows(a, permission, o.permissions[permission], above)
}

// atManager reports whether a walker who sees what is below it holds a permission by
// being in the organization directly above another.
func (o *oracle) atManager(a *walker, permission, slug string) bool {
	above := o.places[slug].manager
	return above != "-" && o.here(a, permission, above, "") && o.here(a, "partner:read", above, "")
}

// flows reports whether a permission flows down from an organization.
func (o *oracle) flows(a *walker, permission string, row map[string]string, from string) bool {
	if o.places[from].kind == "root" {
		writes, reads := o.here(a, "platform:write", from, ""), o.here(a, "platform:read", from, "")
		return row["tree"] == "y" && (writes || reads && strings.HasSuffix(permission, ":read"))
	}
	if !o.here(a, "partner:read", from, "") {
		return false
	}
	switch row["flow"] {
	case "held":
		return o.here(a, permission, from, "")
	case "door":
		return true
	case "head":
		is := a.standings[from]
		return slices.Contains(is, "OW") || slices.Contains(is, "GA")
	default:
		return false
	}
}

// holds reports whether a permission that reads is held, one way or the other.
func (o *oracle) holds(a *walker, permission, slug, project string) bool {
	return o.here(a, permission, slug, project) || o.through(a, permission, slug)
}

// rights returns all that is held in an organization or project, in the order
// of the catalogue, as the state of the organization lets it be used.
func (o *oracle) rights(a *walker, slug, project string) []string {
	held := []string{}
	for _, p := range o.order {
		here := o.here(a, p, slug, project) && (!o.places[slug].deactivated || usableInGrace(p))
		if here || o.through(a, p, slug) {
			held = append(held, p)
		}
	}
	return held
}

// usableInGrace reports whether an organization's own people may use a right
// after they deactivated it.
func usableInGrace(permission string) bool {
	return strings.HasSuffix(permission, ":read") || slices.Contains([]string{"billing:write", "tickets:open", "org:reopen"}, permission)
}

// owns reports whether a walker is the owner of an organization.
func (o *oracle) owns(a *walker, slug string) bool { return slices.Contains(a.standings[slug], "OW") }
