package demo

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestPlanHasTheSizeThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, size := range []Size{
		{Organizations: 1, Users: LeastUsers(1)},
		{Organizations: 2, Users: LeastUsers(2)},
		{Organizations: 3, Users: 40},
		{Organizations: 7, Users: LeastUsers(7)},
		DefaultSize(),
		{Organizations: 700, Users: 9000},
	} {
		p := newPlan(3, size)
		users := 0
		names, usernames := map[string]bool{}, map[string]bool{}
		for _, o := range p.organizations() {
			users += len(o.people)
			names[o.slug] = true
			for _, person := range o.people {
				usernames[person.username] = true
			}
		}
		if len(p.customers) != size.Organizations || users != size.Users {
			t.Errorf("%+v: got %d customers and %d people", size, len(p.customers), users)
		}
		if len(names) != size.Organizations+5 || len(usernames) != size.Users {
			t.Errorf("%+v: only %d organizations and %d people have names of their own", size, len(names), len(usernames))
		}
	}
}

func TestSizesThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, size := range []Size{
		{Organizations: 0, Users: 100},
		{Organizations: -1, Users: 100},
		{Organizations: maxOrganizations + 1, Users: maxUsers},
		{Organizations: 5, Users: LeastUsers(5) - 1},
		{Organizations: 5, Users: maxUsers + 1},
	} {
		if err := size.Validate(); err == nil {
			t.Errorf("%+v is accepted", size)
		}
	}
}

func TestPlanHasALoginOfEachRole(t *testing.T) {
	t.Parallel()
	for _, organizations := range []int{1, 20} {
		p := newPlan(1, Size{Organizations: organizations, Users: LeastUsers(organizations)})
		logins := map[Role]*person{}
		for _, login := range p.logins() {
			if login.password == "" {
				t.Errorf("%s has no password", login.username)
			}
			if logins[login.login] != nil {
				t.Errorf("%s and %s are both %s", logins[login.login].username, login.username, login.login)
			}
			logins[login.login] = login
		}
		for _, role := range []Role{
			PlatformAdmin, PartnerAdmin, SubpartnerAdmin, CustomerOwner, CustomerAdmin, Editor, BillingAdmin, OrgUsers, OrgGroups, OrgSettings, Member,
		} {
			if logins[role] == nil {
				t.Errorf("nobody is %s", role)
			}
		}
		if logins[CustomerAdmin].home.manager != logins[PartnerAdmin].home || logins[SubpartnerAdmin].home.manager != logins[PartnerAdmin].home {
			t.Error("the first partner does not manage the first customer and the sub-partner")
		}
	}
}

func TestPlanDependsOnTheSeed(t *testing.T) {
	t.Parallel()
	one, same, other := newPlan(1, DefaultSize()), newPlan(1, DefaultSize()), newPlan(2, DefaultSize())
	if !reflect.DeepEqual(one, same) {
		t.Error("the same seed makes another plan")
	}
	if one.customers[0].name == other.customers[0].name && one.customers[1].name == other.customers[1].name {
		t.Error("another seed makes the same customers")
	}
}

func TestTimelineMakesIdsInOrder(t *testing.T) {
	t.Parallel()
	present := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	line := NewTimeline(1, func() time.Time { return present }, uuid.New)
	if !line.Now().Equal(present) {
		t.Error("it does not begin in the present")
	}
	past := present.AddDate(0, -3, 0)
	line.moveTo(past)
	line.moveTo(past.AddDate(0, 0, -1)) // is passed over
	last, lastID := past, uuid.UUID{}
	for i := range 3000 {
		id := line.NewID()
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 || id.String() <= lastID.String() {
			t.Fatalf("the %dth id %s follows %s", i, id, lastID)
		}
		seconds, nanos := id.Time().UnixTime()
		if at := time.Unix(seconds, nanos); at.After(last.Add(tick)) || at.Before(last.Add(-tick)) {
			t.Fatalf("the id of %s is of %s", last, at)
		}
		lastID = id
		if i%7 == 0 {
			now := line.Now()
			if !now.After(last) {
				t.Fatalf("%s follows %s", now, last)
			}
			last = now
		}
	}
	line.arrive()
	if !line.Now().Equal(present) {
		t.Error("it does not arrive in the present")
	}
}
