package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// The matrices of the four sources and the unified one, cell by cell.
//
// A matrix is a table of text. Its first line names the columns, each a person
// (see situation.person). A row says what is done, what decides it (see
// situation.decide), who may, and why a cell differs from the source.
//
// A cell is Y where everything that decides the row is held and - where nothing
// of it is, or a condition:
//
//	c1  the organization is a partner
//	c5  members.administrators_manage_members is on
//	c9  members.administrators_manage_billing is on
//
// a+b is both. c2, c4 and c6 of the unified matrix limit what the holder of the
// right may do with it, and c3, c7 and c8 name another way for those who do not
// hold it: the notes of their rows say where these are tried.
//
// source>decided is a cell that was decided otherwise than the source has it; ?
// is a cell of which the source says nothing. A row that begins with + is not in
// the source.

// firstSource is the matrix of four fixed roles. It holds under the default
// switches: Administrators see to billing, and only the owner to members.
const firstSource = `
                                                  |                                                        | OW   AD ED  BA
see the organization and its quotas               | org:read quota:read                                    | Y    Y  Y   Y
rename it                                         | org:rename                                             | Y    -  -   -
deactivate it                                     | org:deactivate                                         | Y    -  -   -
transfer ownership                                | org:transfer                                           | ->Y  -  -   - | impossible in the first source; the second one's transfer is a superset
create and manage projects                        | projects:write                                         | Y    Y  -   -
see, create and manage resources                  | resources:read@project resources:write@project         | Y    Y  Y   -
list members with last login and second factor    | users:read                                             | Y    Y  ?>- - | members see each other only with users:read
invite, resend, cancel                            | members:invite                                         | Y    Y  -   -
change the role of a member, delete a member      | members:role members:remove                            | Y    -  -   -
SSH and API keys of a project                     | sshkeys:write@project projectkeys:write@project        | Y    Y  Y   -
change the support plan                           | plan:write                                             | Y    -  -   -
open a ticket                                     | tickets:open                                           | Y    Y  Y   Y
see every ticket, not only one's own              | tickets:read                                           | Y    Y  -   -
billing address, alerts, payment, invoices        | billing:read billing:write                             | Y    Y  -   Y
leave                                             | leave                                                  | -    Y  Y   Y
`

func TestFirstSource(t *testing.T) {
	t.Parallel()
	checkMatrix(t, firstSource, situation{orgtree.Standard, access.DefaultSwitches()})
}

// secondSource is the matrix of Owner, Administrator and Member with the
// additional Billing Administrator. It holds with both switches flipped:
// Administrators see to members, and not to billing. A member is in a group with
// a project.
const secondSource = `
                                                  |                                                        | OW AD ME BA
rename the organization                           | org:rename                                             | Y  -  -  -
delete it                                         | org:delete                                             | Y  -  -  -
transfer ownership to an Administrator            | org:transfer                                           | Y  -  -  -
leave                                             | leave                                                  | -  Y  Y  Y
create, rename, delete projects                   | projects:write                                         | Y  Y  -  -
create, change, delete groups, and their users    | groups:write                                           | Y  Y  -  -
the projects of groups                            | groups:write+give:ME                                   | Y  Y  -  -
view Administrators                               | users:read                                             | Y  Y  -  -
register somebody as Administrator                | users:write+place:AD                                   | Y  Y  -  -
assign Administrator or Member                    | members:role+place:AD                                  | Y  Y  -  -
remove an Administrator                           | members:remove+on:AD                                   | Y  Y  -  -
assign Billing Administrator                      | billingadmin:assign place:BA                           | Y  -  -  -
billing                                           | billing:read billing:write                             | Y  -  -  Y
resources of every project                        | resources:read@project resources:write@project         | Y  Y  -  -
resources of the group's projects                 | resources:read@group resources:write@group             | Y  Y  Y  -
see other members                                 | users:read                                             | Y  Y  -  -
`

func TestSecondSource(t *testing.T) {
	t.Parallel()
	checkMatrix(t, secondSource, situation{orgtree.Standard, access.Switches{ManageMembers: true}})
}

// thirdSource is the matrix of platform, partner, and the four roles of groups.
const thirdSource = `
                                                  |                                                        | PA  PT      GA  GS  GU  GG  ME
platform settings, providers, multipliers         | platform:write@root                                    | Y   -       -   -   -   -   -
create organizations                              | partner:create                                         | Y   Y       -   -   -   -   -
list organizations                                | reach                                                  | all managed own own own own own
multiplier and instance limits of a managed one   | above:partner:multiplier above:partner:limits          | Y   Y       -   -   -   -   -
read settings                                     | settings:read                                          | Y   Y       Y   ?>Y ?>- ?>- - | whoever writes settings reads them
read users                                        | users:read                                             | Y   Y       Y   ?>- ?>Y ?>Y - | whoever manages users, or puts them into groups, reads them
read groups                                       | groups:read                                            | Y   Y       Y   ?>- ?>Y ?>Y - | whoever manages groups, or creates users in them, reads them
read billing data                                 | billing:read                                           | Y   Y       Y   ?>- ?>- ?>- - | none of the three roles is about money
policies, webhooks, thresholds, allowed types     | settings:write security:write webhooks:write allocations:write | Y Y   Y   Y   -   -   -
cloud accounts                                    | cloudaccounts:write                                    | Y   Y       Y   Y>- -   -   - | they hold the credentials of clouds: org:admin and the tree
authentication                                    | identity:write                                         | Y   Y       Y   Y>- -   -   - | who adds a provider signs in as anybody: owner, org:admin and the tree
create and manage users                           | users:write users:lock members:invite members:remove   | Y   Y       Y   -   Y   -   -
create and manage groups                          | groups:write                                           | Y   Y       Y   -   -   Y   -
assign and remove the roles of a group            | groups:roles                                           | Y   Y       Y   -   -   -   -
`

func TestThirdSource(t *testing.T) {
	t.Parallel()
	for _, switches := range allSwitches() {
		checkMatrix(t, thirdSource, situation{orgtree.Standard, switches})
	}
}

// unified is the matrix of everybody. PR is somebody of a partner with
// ResellerFullAccess alone, for whom the source marks rows.
const unified = `
                                                  |                                                        | PA  PT PR OW AD    ED  BA  ME  GA  GS  GU  GG
platform settings, providers, base multiplier     | platform:write@root                                    | Y   -  -  -  -     -   -   -   -   -   -   -
create a partner, change a kind                   | platform:write@root                                    | Y   -  -  -  -     -   -   -   -   -   -   -
create an organization that one manages           | partner:create                                         | Y   Y  Y  c1 -     -   -   -   c1  -   -   -
create a standalone organization of one's own     | elsewhere                                              | Y   Y  Y  Y  Y     Y   Y   Y   Y   Y   Y   Y | a setting of the platform decides, no right: tried with the service
multiplier, instance limits of a managed one      | above:partner:multiplier above:partner:limits          | Y   Y  Y  -  -     -   -   -   -   -   -   -
lock and unlock it                                | above:partner:lock                                     | Y   Y+c2 Y+c2 - -  -   -   -   -   -   -   - | c2: that a partner lifts no lock of the platform is tried with the service
read the organization, quotas, effective settings | org:read quota:read                                    | Y   Y  Y  Y  Y     Y   Y   Y   Y   Y   Y   Y
rename it                                         | org:rename                                             | Y   Y  -  Y  -     -   -   -   Y   -   -   -
write settings, theme, thresholds                 | settings:write allocations:write webhooks:write        | Y   Y  -  Y  Y     -   -   -   Y   Y   -   -
cloud accounts                                    | cloudaccounts:read cloudaccounts:write                 | Y   Y  -  Y  Y>-   -   -   -   Y   Y>- -   - | amended: they hold the credentials of clouds, for org:admin and the tree
security settings                                 | security:write                                         | Y   Y  -  Y  Y     -   -   -   Y   Y   -   -
+ providers, trusted issuers, SCIM tokens         | identity:write                                         | Y   Y  -  Y  -     -   -   -   Y   -   -   - | who adds a provider signs in as anybody
transfer ownership                                | org:transfer                                           | c3  c3 -  Y  -     -   -   -   -   -   -   - | c3: reassignOwner is another operation
deactivate, delete                                | org:deactivate org:delete                              | Y   -  -  Y  -     -   -   -   -   -   -   -
reopen within the grace period                    | org:reopen                                             | Y   Y  -  Y  -     -   -   -   -   -   -   -
leave                                             | leave                                                  | -   -  -  -  Y     Y   Y   Y   Y   Y   Y   Y
list users and members                            | users:read                                             | Y   Y  -  Y  Y     -   -   -   Y   -   Y   Y
invite, resend, cancel                            | members:invite                                         | Y   Y  -  Y  Y+c4  -   -   -   Y   -   Y+c4 -
create a user                                     | users:write                                            | Y   Y  -  Y  Y     -   -   -   Y   -   Y   -
lock a member, reset their password               | users:lock                                             | Y   Y  -  Y  c5+c4 -   -   -   Y   -   Y+c4 -
change the built-in role of a member              | members:role                                           | Y   Y  -  Y  c5    -   -   -   Y+c6 -  -   -
remove a member                                   | members:remove                                         | Y   Y  -  Y  c5    -   -   -   Y   -   Y+c4 -
assign Billing Administrators                     | billingadmin:assign place:BA                           | Y   -  -  Y  -     -   -   -   -   -   -   -
groups, their members and projects                | groups:write                                           | Y   Y  -  Y  Y+c4  -   -   -   Y   -   -   Y+c4
+ list groups                                     | groups:read                                            | Y   Y  -  Y  Y     -   -   -   Y   -   Y   Y
set the roles of groups                           | groups:roles                                           | Y   Y  -  Y  -     -   -   -   Y   -   -   -
applications and their API keys                   | applications:read applications:write apikeys:write     | Y   -  -  Y  Y+c4  -   -   -   Y   -   -   -
write policies                                    | policies:write                                         | Y   -  -  Y  c4+c7 -   -   -   Y   -   -   - | c7: below, Administrators read policies
+ read policies                                   | policies:read                                          | Y   -  -  Y  Y     -   -   -   Y   -   -   -
API keys of one's own                             | self                                                   | Y>- -  -  Y  Y     Y   Y   Y   Y   Y   Y   Y | only members bear keys: platform administrators have theirs in the root
list and delete the API keys of others            | apikeys:read apikeys:write                             | Y   -  -  Y  Y     -   -   -   Y   -   -   -
create, rename, delete projects                   | projects:write                                         | Y   -  -  Y  Y     -   -   -   Y   -   -   -
+ list projects                                   | projects:read                                          | Y   Y  -  Y  Y     Y   -   -   Y   -   -   - | a group's projects are chosen from the list; Billing Administrators see names as labels of costs
+ see the group's projects                        | projects:read@group                                    | Y   Y  -  Y  Y     Y   -   Y   Y   -   -   -
resources of all projects                         | resources:read@project resources:write@project         | -   -  -  Y  Y     Y   -   -   c8  -   -   - | c8: whoever writes policies may write themselves one
resources of the group's projects                 | resources:read@group resources:write@group             | -   -  -  Y  Y     Y   -   Y   -   -   -   -
SSH keys, API keys of projects                    | sshkeys:read@group sshkeys:write@group projectkeys:write@group | - - - Y Y  Y   -   -   -   -   -   -
read bills                                        | billing:read                                           | Y   Y  Y  Y  c9    -   Y   -   Y   -   -   -
address, contacts, alerts, payment, vouchers      | billing:write                                          | Y   -  -  Y  c9    -   Y   -   Y   -   -   -
change the support plan                           | plan:write                                             | Y   -  -  Y  -     -   -   -   -   -   -   -
+ read the support plan                           | plan:read                                              | Y   -  -  Y  Y     Y   Y   -   Y   -   -   -
open a ticket, see one's own                      | tickets:open                                           | -   -  -  Y  Y     Y   Y   Y   Y   Y   Y   Y
see all tickets                                   | tickets:read tickets:write                             | Y   -  -  Y  Y     -   -   -   Y   -   -   -
the journal                                       | audit:read                                             | Y   Y  -  Y  Y     -   -   -   Y   -   -   -
+ read settings as written                        | settings:read                                          | Y   Y  -  Y  Y     -   -   -   Y   Y   -   -
+ import usage, map sub-accounts                  | usage:import usage:map                                 | c1  -  -  c1 -     -   -   -   c1  -   -   - | org:admin of partners and the platform, for their own subtree
+ the organizations that one manages              | partner:read partner:update                            | Y   Y  Y  c1 -     -   -   -   c1  -   -   -
+ lock, price and limit them                      | partner:lock partner:multiplier partner:limits         | Y   Y  Y  c1 -     -   -   -   c1  -   -   -
+ read everything on the platform                 | platform:read@root                                     | Y   -  -  -  -     -   -   -   -   -   -   -
`

func TestUnified(t *testing.T) {
	t.Parallel()
	for _, kind := range []orgtree.Kind{orgtree.Standard, orgtree.Partner} {
		for _, switches := range allSwitches() {
			checkMatrix(t, unified, situation{kind, switches})
		}
	}
	for _, p := range access.Permissions() {
		if !strings.Contains(unified, string(p)) {
			t.Errorf("no row tells who has %s", p)
		}
	}
}

// escalation is what holding a right is not enough for: c4 and c6 of the unified
// matrix. on:X acts on a member like X, takeover:X sets their credentials,
// give:X grants what X holds, hold:X grants it into one's own hands, and place:X
// is joining X's built-in group. PM is a member of nothing; IM writes policies by
// the set IAMManager.
const escalation = `
                                                  |                                                        | PA PT PR OW AD    ED BA ME GA GS GU GG IM
lock a member of nothing                          | users:lock+on:PM                                       | Y  Y  -  Y  c5    -  -  -  Y  -  Y  -  Y
lock a member of a group with a project           | users:lock+on:ME                                       | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
lock a member with org:groups                     | users:lock+on:GG                                       | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
lock a member with org:users                      | users:lock+on:GU                                       | Y  Y  -  Y  c5    -  -  -  Y  -  Y  -  Y
lock a Billing Administrator                      | users:lock+on:BA                                       | Y  Y  -  Y  c5+c9 -  -  -  Y  -  -  -  Y
lock an Administrator                             | users:lock+on:AD                                       | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
lock an org:admin                                 | users:lock+on:GA                                       | Y  Y  -  Y  -     -  -  -  Y  -  -  -  Y
lock the owner                                    | users:lock+on:OW                                       | -  -  -  Y  -     -  -  -  -  -  -  -  - | that nobody locks themself as owner is tried with the service
remove an org:admin                               | members:remove+on:GA                                   | Y  Y  -  Y  -     -  -  -  Y  -  -  -  Y

reset the password of a member of nothing         | users:lock+takeover:PM                                 | Y  Y  -  Y  c5    -  -  -  Y  -  Y  -  Y
of a member of a group with a project             | users:lock+takeover:ME                                 | -  -  -  Y  c5    -  -  -  Y  -  -  -  Y
of a member with org:groups                       | users:lock+takeover:GG                                 | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
of an Administrator                               | users:lock+takeover:AD                                 | -  -  -  Y  c5    -  -  -  Y  -  -  -  Y
of an org:admin                                   | users:lock+takeover:GA                                 | -  -  -  Y  -     -  -  -  Y  -  -  -  Y
of a member who writes policies                   | users:lock+takeover:IM                                 | -  -  -  Y  -     -  -  -  Y  -  -  -  Y
of the owner                                      | users:lock+takeover:OW                                 | -  -  -  Y  -     -  -  -  -  -  -  -  -

put somebody into a group without rights          | groups:write+give:PM                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  Y  Y
into one with a project                           | groups:write+give:ME                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  -  Y
into one with org:groups                          | groups:write+give:GG                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  Y  Y
into one with org:settings                        | groups:write+give:GS                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  -  Y
into one with org:users                           | groups:write+give:GU                                   | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
into one with org:admin                           | groups:write+give:GA                                   | Y  Y  -  Y  -     -  -  -  Y  -  -  -  Y
into one with the policy IAMManager               | groups:write+give:IM                                   | Y  Y  -  Y  -     -  -  -  Y  -  -  -  Y
into Administrators                               | groups:write+place:AD+give:AD                          | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
into Editors                                      | groups:write+place:ED+give:ED                          | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
into Billing Administrators                       | groups:write+place:BA+give:BA                          | Y  -  -  Y  -     -  -  -  -  -  -  -  - | c6
give a group the role org:users                   | groups:roles+give:GU                                   | Y  Y  -  Y  -     -  -  -  Y  -  -  -  -
invite an org:admin                               | members:invite+give:GA                                 | Y  Y  -  Y  -     -  -  -  Y  -  -  -  Y

put oneself into a group without rights           | groups:write+hold:PM                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  Y  Y
into one with a project                           | groups:write+hold:ME                                   | -  -  -  Y  Y     -  -  -  Y  -  -  -  Y
into one with org:groups                          | groups:write+hold:GG                                   | Y  Y  -  Y  Y     -  -  -  Y  -  -  Y  Y
into one with org:users                           | groups:write+hold:GU                                   | Y  Y  -  Y  c5    -  -  -  Y  -  -  -  Y
into one with org:admin                           | groups:write+hold:GA                                   | -  -  -  Y  -     -  -  -  Y  -  -  -  Y
into one with the policy IAMManager               | groups:write+hold:IM                                   | -  -  -  Y  -     -  -  -  Y  -  -  -  Y | it would give the platform's people what is in projects
into Administrators                               | groups:write+place:AD+hold:AD                          | -  -  -  Y  c5    -  -  -  Y  -  -  -  Y
into Editors                                      | groups:write+place:ED+hold:ED                          | -  -  -  Y  c5    -  -  -  Y  -  -  -  Y
into Billing Administrators                       | groups:write+place:BA+hold:BA                          | Y  -  -  Y  -     -  -  -  -  -  -  -  -
`

func TestEscalationMatrix(t *testing.T) {
	t.Parallel()
	for _, switches := range allSwitches() {
		checkMatrix(t, escalation, situation{orgtree.Standard, switches})
	}
}

func allSwitches() []access.Switches {
	return []access.Switches{{}, {ManageBilling: true}, {ManageMembers: true}, {ManageBilling: true, ManageMembers: true}}
}

// situation is what a matrix is asked in: the kind of the customer and its
// switches.
type situation struct {
	kind     orgtree.Kind
	switches access.Switches
}

func (s situation) target() access.Target {
	t := targetOf(customer())
	t.Kind = s.kind
	return t
}

// in returns a viewer with one place in the customer.
func (s situation) in(place access.Place) access.Viewer {
	place.Organization, place.Kind, place.Status, place.Switches = customer(), s.kind, orgtree.Active, s.switches
	return viewerWith(map[orgtree.ID]*access.Standing{customer(): access.NewStanding(place, now())})
}

func (s situation) group(g access.Group) access.Viewer {
	g.ID = orgtree.ID{31}
	return s.in(access.Place{Groups: []access.Group{g}})
}

// people are who each column stands for: all of them must be told the same.
func (s situation) people(column string) []access.Viewer {
	switch column {
	case "PA": // platform administrators
		return []access.Viewer{owner(root()), withRole(root(), access.RoleAdmin)}
	case "PT": // owner and org:admin of the partner
		return []access.Viewer{owner(partner()), withRole(partner(), access.RoleAdmin), owner(sub())}
	case "PR": // somebody of the partner with ResellerFullAccess
		return []access.Viewer{withSets(partner(), access.ResellerFullAccess), withSets(sub(), access.ResellerFullAccess)}
	case "OW":
		return []access.Viewer{s.in(access.Place{Owner: true})}
	case "AD":
		return []access.Viewer{s.group(access.BuiltinGroup(access.Administrators))}
	case "ED":
		return []access.Viewer{s.group(access.BuiltinGroup(access.Editors))}
	case "BA":
		return []access.Viewer{s.group(access.BuiltinGroup(access.BillingAdministrators))}
	case "ME": // a member of a group with a project
		return []access.Viewer{s.group(access.Group{Projects: []orgtree.ID{ours()}})}
	case "PM": // a member of nothing
		return []access.Viewer{s.in(access.Place{})}
	case "IM": // by a policy of their own, or of a group
		iam := []access.Policy{policyOf(orgtree.ID{41}, access.InOrganization(), access.IAMManager)}
		return []access.Viewer{s.in(access.Place{Policies: iam}), s.group(access.Group{Policies: iam})}
	default:
		roles := map[string]access.Role{"GA": access.RoleAdmin, "GS": access.RoleSettings, "GU": access.RoleUsers, "GG": access.RoleGroups}
		return []access.Viewer{s.group(access.Group{Roles: []access.Role{roles[column]}})}
	}
}

// decide answers with Y or - what one word of a row decides.
func (s situation) decide(word string, v access.Viewer) string {
	t := s.target()
	verb, rest, _ := strings.Cut(word, ":")
	permission, in, _ := strings.Cut(word, "@")
	switch {
	case verb == "above":
		return yes(access.CheckThrough(v, access.Permission(rest), t, orgtree.ID{}) == nil)
	case word == "self":
		return yes(access.CheckSelf(v, t) == nil)
	case word == "leave":
		return yes(access.CheckSelf(v, t) == nil && !v.Standing(customer()).Owner)
	case word == "reach":
		return s.reach(v)
	case verb == "on", verb == "takeover", verb == "give", verb == "hold", verb == "place":
		return yes(s.act(verb, rest, v) == nil)
	case in == "root":
		t = targetOf(root())
	case in == "project":
		t = t.In(theirs())
	case in == "group":
		t = t.In(ours())
	}
	return yes(access.Check(v, access.Permission(permission), t) == nil)
}

// act tries something with what the people of a column hold.
func (s situation) act(verb, column string, v access.Viewer) error {
	t, member := s.target(), s.people(column)[0].Standing(customer())
	switch verb {
	case "on":
		return access.CheckMember(v, member, t)
	case "takeover":
		return access.CheckTakeover(v, member, t)
	case "place":
		return access.CheckPlacing(v, member.Builtins[0], t)
	default:
		_, err := access.CheckGranting(v, access.Granting{Rights: member.Rights(), OwnHands: verb == "hold"}, t)
		return err
	}
}

// reach names the part of the tree that a viewer can see.
func (s situation) reach(v access.Viewer) string {
	r := v.Reach()
	switch {
	case slices.Contains(r.Subtrees, root()):
		return "all"
	case len(r.Subtrees) == 1 && len(r.Organizations) == 0:
		return "managed"
	case slices.Equal(r.Organizations, []orgtree.ID{customer()}) && len(r.Subtrees) == 0:
		return "own"
	}
	return fmt.Sprintf("%+v", r)
}

// answer returns what all words of a row decide together.
func (s situation) answer(words string, v access.Viewer) string {
	answers := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all := "Y"
		for part := range strings.SplitSeq(word, "+") {
			if a := s.decide(part, v); a != "Y" {
				all = a
			}
		}
		answers[all] = true
	}
	if len(answers) == 1 {
		for answer := range answers {
			return answer
		}
	}
	return "some of it"
}

// want returns what a cell says in the situation.
func (s situation) want(cell string) string {
	if _, decided, differs := strings.Cut(cell, ">"); differs {
		cell = decided
	}
	holds := map[string]bool{
		"Y": true, "-": false, "c1": s.kind == orgtree.Partner, "c2": true, "c3": false, "c4": true,
		"c5": s.switches.ManageMembers, "c6": true, "c7": false, "c8": false, "c9": s.switches.ManageBilling,
	}
	for part := range strings.SplitSeq(cell, "+") {
		switch is, known := holds[part]; {
		case !known:
			return cell
		case !is:
			return "-"
		}
	}
	return "Y"
}

func yes(is bool) string {
	if is {
		return "Y"
	}
	return "-"
}

// checkMatrix compares every cell of a matrix with what is decided.
func checkMatrix(t *testing.T, matrix string, s situation) {
	t.Helper()
	lines := strings.Split(strings.Trim(matrix, "\n"), "\n")
	columns := strings.Fields(strings.Split(lines[0], "|")[2])
	for _, line := range lines[1:] {
		if line == "" {
			continue
		}
		parts := strings.Split(line, "|")
		cells, words := strings.Fields(parts[2]), strings.TrimSpace(parts[1])
		if len(cells) != len(columns) {
			t.Fatalf("%d cells of %d columns: %s", len(cells), len(columns), line)
		}
		if strings.Contains(parts[2], ">") && len(parts) < 4 {
			t.Errorf("no reason why a cell differs: %s", line)
		}
		if words == "elsewhere" {
			continue
		}
		for i, cell := range cells {
			s.checkCell(t, strings.TrimSpace(parts[0]), words, columns[i], cell)
		}
	}
}

func (s situation) checkCell(t *testing.T, row, words, column, cell string) {
	t.Helper()
	for i, v := range s.people(column) {
		if got, want := s.answer(words, v), s.want(cell); got != want {
			t.Errorf("%s, %s, %+v: %s[%d] %s, want %s (%s)", row, s.kind, s.switches, column, i, got, want, cell)
		}
	}
}

// TestBillingAdministratorIsAdditive joins the second source's additional role to
// each of its others: it gives what it gives alone, and takes nothing.
func TestBillingAdministratorIsAdditive(t *testing.T) {
	t.Parallel()
	s := situation{orgtree.Standard, access.Switches{ManageMembers: true}}
	alone := s.people("BA")[0]
	for _, column := range []string{"AD", "ED", "ME", "PM"} {
		resource := s.people(column)[0]
		both := s.in(access.Place{Groups: slices.Concat(resource.Standing(customer()).Groups, alone.Standing(customer()).Groups)})
		for _, target := range []access.Target{s.target(), s.target().In(ours()), s.target().In(theirs())} {
			want := sorted(words(resource.Allowed(target)) + " " + words(alone.Allowed(target)))
			if got := words(both.Allowed(target)); got != want {
				t.Errorf("%s with billing: %s, want %s", column, got, want)
			}
		}
	}
}
