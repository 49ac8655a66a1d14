package waterfall_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// expect compares the customer's value, its source and the statuses of the
// tiers that are named, in the order of the chain.
func (s *story) expect(value, source string, statuses ...string) {
	s.t.Helper()
	r := s.customer()
	if got := string(r.Value.JSON()); got != value {
		s.t.Errorf("value %s, want %s\n%s", got, value, s)
	}
	if got := nameOf(r.Source); got != source {
		s.t.Errorf("source %s, want %s\n%s", got, source, s)
	}
	var got []string
	for _, e := range r.Chain {
		if e.Status != waterfall.StatusInherit {
			got = append(got, nameOf(e.Origin)+" "+string(e.Status))
		}
	}
	if !slices.Equal(got, statuses) {
		s.t.Errorf("statuses %q, want %q\n%s", got, statuses, s)
	}
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key string
		tell      func(s *story)
	}{
		{"nobody says anything", "customize.locale", func(s *story) {
			s.expect(`"en"`, "default", "default APPLIED")
		}},
		{"the nearest wins", "customize.locale", func(s *story) {
			s.says("distributor", "SET", `"de"`)
			s.says("customer", "SET", `"fr"`)
			s.expect(`"fr"`, "customer", "default SHADOWED", "distributor SHADOWED", "customer APPLIED")
		}},
		{"a value equal to the inherited one is a pin", "customize.locale", func(s *story) {
			s.says("distributor", "SET", `"de"`)
			s.says("customer", "SET", `"de"`)
			s.expect(`"de"`, "customer", "default SHADOWED", "distributor SHADOWED", "customer APPLIED")
			if r := s.customer(); !r.Pinned || r.Inherited {
				s.t.Errorf("pinned %t, inherited %t", r.Pinned, r.Inherited)
			}
		}},
		{"reset returns to the default whatever comes from above", "customize.locale", func(s *story) {
			s.says("distributor", "SET", `"de"`)
			s.says("customer", "RESET", "")
			s.expect(`"en"`, "customer", "default SHADOWED", "distributor SHADOWED", "customer APPLIED")
		}},
		{"a lock lets the value flow through from above", "customize.locale", func(s *story) {
			s.says("distributor", "LOCK", "")
			s.says("platform", "SET", `"it"`)
			s.expect(`"it"`, "platform", "default SHADOWED", "platform APPLIED")
			s.refused("customer", "SET", `"fr"`, fault.SettingLocked, "distributor")
		}},
		{"a lock binds what was there before it and gives it back", "customize.locale", func(s *story) {
			s.says("customer", "SET", `"fr"`)
			s.says("distributor", "LOCK", "")
			s.expect(`"en"`, "default", "default APPLIED", "customer BLOCKED")
			if r := s.customer(); r.LockedBy == nil || nameOf(*r.LockedBy) != "distributor" || string(r.IfUnset.JSON()) != `"en"` {
				s.t.Errorf("not locked by the distributor\n%s", s)
			}
			s.at("distributor", "distributor").Locked = false
			s.expect(`"fr"`, "customer", "default SHADOWED", "customer APPLIED")
		}},
		{"the own lock does not lock its own node", "customize.locale", func(s *story) {
			s.says("customer", "LOCK", "")
			s.says("customer", "SET", `"fr"`)
			s.expect(`"fr"`, "customer", "default SHADOWED", "customer APPLIED")
			if s.customer().IsLocked() {
				s.t.Error("locked by itself")
			}
		}},
		{"of two locks the first counts", "customize.locale", func(s *story) {
			s.says("reseller", "SET", `"fr"`)
			s.says("reseller", "LOCK", "")
			s.says("distributor", "SET", `"de"`)
			s.says("distributor", "LOCK", "")
			s.expect(`"de"`, "distributor", "default SHADOWED", "distributor APPLIED", "reseller BLOCKED")
		}},
		{"a manager speaks before the organization itself", "customize.locale", func(s *story) {
			s.says("customer@distributor", "SET", `"de"`)
			s.expect(`"de"`, "distributor@customer", "default SHADOWED", "distributor@customer APPLIED")
			s.says("customer", "SET", `"fr"`)
			s.expect(`"fr"`, "customer", "default SHADOWED", "distributor@customer SHADOWED", "customer APPLIED")
			s.says("customer@platform", "LOCK", "")
			s.expect(`"en"`, "default", "default APPLIED", "distributor@customer BLOCKED", "customer BLOCKED")
		}},
		{"a bound tightened later keeps the wish", "authentication.password_min_length", func(s *story) {
			s.says("customer", "SET", `8`)
			s.says("platform", "GUARD", `{"min": 10}`)
			s.expect(`10`, "customer", "default SHADOWED", "customer CLAMPED")
			s.at("platform", "platform").Guard = nil
			s.expect(`8`, "customer", "default SHADOWED", "customer APPLIED")
		}},
		{"a bound binds its own step", "authentication.password_min_length", func(s *story) {
			s.says("customer", "SET", `20`)
			s.says("customer", "GUARD", `{"max": 16}`)
			s.expect(`16`, "customer", "default SHADOWED", "customer CLAMPED")
		}},
		{"disjoint bounds meet at the earlier one's edge", "authentication.password_min_length", func(s *story) {
			s.says("customer", "GUARD", `{"min": 40}`)
			s.says("platform", "GUARD", `{"max": 20}`)
			s.expect(`20`, "default", "default CLAMPED")
			s.refused("reseller", "GUARD", `{"min": 21}`, fault.SettingOutOfBounds, "platform")
		}},
		{"a boolean whose guard is true is true", "policies.no_public_ip", func(s *story) {
			s.says("customer", "SET", `false`)
			s.says("platform", "GUARD", `{"allowed": [true]}`)
			s.expect(`true`, "customer", "default SHADOWED", "customer CLAMPED")
			s.refused("reseller", "SET", `false`, fault.SettingOutOfBounds, "platform")
		}},
		{"an enum falls back to the latest earlier value that is permitted", "billing.rounding", func(s *story) {
			s.says("platform", "SET", `"UP"`)
			s.says("distributor", "SET", `"HALF_UP"`)
			s.says("reseller", "SET", `"DOWN"`)
			s.says("platform", "GUARD", `{"allowed": ["HALF_EVEN", "UP"]}`)
			s.expect(`"UP"`, "platform", "default SHADOWED", "platform APPLIED", "distributor BLOCKED", "reseller BLOCKED")
		}},
		{"an enum falls back to the first permitted in declaration order", "billing.rounding", func(s *story) {
			s.says("reseller", "GUARD", `{"allowed": ["UP", "DOWN"]}`)
			s.expect(`"DOWN"`, "default", "default CLAMPED")
		}},
		{"a guard that would leave nothing is refused", "billing.rounding", func(s *story) {
			s.says("platform", "GUARD", `{"allowed": ["UP", "DOWN"]}`)
			s.refused("reseller", "GUARD", `{"allowed": ["HALF_UP"]}`, fault.SettingOutOfBounds, "platform")
		}},
		{"a guard that leaves nothing later locks", "billing.rounding", func(s *story) {
			s.says("distributor", "GUARD", `{"allowed": ["UP"]}`)
			s.says("reseller", "SET", `"UP"`)
			s.says("platform", "GUARD", `{"allowed": ["HALF_UP", "DOWN"]}`)
			s.expect(`"HALF_UP"`, "default", "default CLAMPED", "distributor CONFLICT", "reseller BLOCKED")
			if r := s.customer(); r.LockedBy == nil || nameOf(*r.LockedBy) != "platform" {
				s.t.Errorf("not locked by the platform's guard\n%s", s)
			}
		}},
		{"a set is edited along the way", "policies.approved_regions", func(s *story) {
			s.says("platform", "REPLACE", `["eu-1", "eu-2"]`)
			s.says("distributor", "APPEND", `["us-1"]`)
			s.says("customer", "REMOVE", `["eu-2"]`)
			s.expect(`["eu-1","us-1"]`, "customer", "default SHADOWED", "platform APPLIED", "distributor APPLIED", "customer APPLIED")
			s.says("reseller", "REPLACE", `["af-1"]`)
			s.expect(`["af-1"]`, "customer", "default SHADOWED", "platform SHADOWED", "distributor SHADOWED", "reseller APPLIED", "customer APPLIED")
		}},
		{"required and allowed bound a set", "policies.approved_regions", func(s *story) {
			s.says("customer", "REPLACE", `["us-1", "eu-1"]`)
			s.says("platform", "GUARD", `{"allowed": ["eu-1", "eu-2"], "required": ["eu-2"]}`)
			s.expect(`["eu-1","eu-2"]`, "customer", "default SHADOWED", "customer CLAMPED")
			s.refused("customer", "APPEND", `["us-2"]`, fault.SettingOutOfBounds, "platform")
			s.refused("customer", "REMOVE", `["eu-2"]`, fault.SettingOutOfBounds, "platform")
			s.says("customer", "REPLACE", `["eu-1"]`) // its own element is permitted
			s.refused("reseller", "GUARD", `{"allowed": ["eu-1"]}`, fault.SettingOutOfBounds, "platform")
			s.refused("reseller", "GUARD", `{"required": ["us-1"]}`, fault.SettingOutOfBounds, "platform")
		}},
		{"a set that may not be empty never is", "authentication.methods", func(s *story) {
			s.says("customer", "REPLACE", `["oidc"]`)
			s.refused("customer", "REMOVE", `["oidc"]`, fault.Invalid, "default")
			s.says("platform", "GUARD", `{"allowed": ["saml", "password"]}`)
			s.expect(`["password"]`, "customer", "default SHADOWED", "customer CLAMPED")
			s.refused("reseller", "GUARD", `{"allowed": ["ldap"]}`, fault.SettingOutOfBounds, "platform")
		}},
		{"what a narrowing set has is all that may be chosen", "cloud.instance_types", func(s *story) {
			s.says("platform", "REPLACE", `["aws/a", "aws/b", "aws/c"]`)
			s.says("distributor", "REPLACE", `["aws/a", "aws/b"]`)
			s.refused("customer", "APPEND", `["aws/c"]`, fault.SettingOutOfBounds, "distributor")
			s.refused("customer", "APPEND", `["aws/d"]`, fault.SettingOutOfBounds, "platform")
			s.says("customer", "REMOVE", `["aws/a"]`)
			s.expect(`["aws/b"]`, "customer", "default SHADOWED", "platform APPLIED", "distributor APPLIED", "customer APPLIED")
			s.says("distributor", "REPLACE", `[]`)
			s.expect(`[]`, "customer", "default SHADOWED", "platform APPLIED", "distributor APPLIED", "customer APPLIED")
		}},
		{"until the platform lists something there is nothing", "cloud.instance_types", func(s *story) {
			s.refused("distributor", "APPEND", `["aws/a"]`, fault.SettingOutOfBounds, "default")
			s.expect(`[]`, "default", "default APPLIED")
		}},
		{"what a quota is, is the most below", "quotas.users", func(s *story) {
			s.says("customer", "SET", `40`)
			s.says("distributor", "SET", `25`)
			s.expect(`25`, "customer", "default SHADOWED", "distributor APPLIED", "customer CLAMPED")
			s.refused("reseller", "SET", `26`, fault.SettingOutOfBounds, "distributor")
			s.refused("reseller", "RESET", ``, fault.SettingOutOfBounds, "distributor")
			s.says("distributor", "SET", `100`)
			s.expect(`40`, "customer", "default SHADOWED", "distributor APPLIED", "customer APPLIED")
		}},
		{"a limit's pattern covers what it names", "cloud.instance_limits", func(s *story) {
			s.says("distributor", "SET", `{"aws/*": 10}`)
			s.refused("customer", "SET", `{"aws/c5.large": 11}`, fault.SettingOutOfBounds, "distributor")
			s.refused("customer", "REMOVE", `["aws/*"]`, fault.SettingOutOfBounds, "distributor")
			s.says("customer", "SET", `{"aws/c5.large": 3, "azure/*": 5}`)
			s.expect(`{"aws/*":10,"aws/c5.large":3,"azure/*":5}`, "customer", "default APPLIED", "distributor APPLIED", "customer APPLIED")
			s.says("distributor", "GUARD", `{"max": {"*": 4}}`)
			s.expect(`{"*":4,"aws/*":4,"aws/c5.large":3,"azure/*":4}`, "customer", "default CLAMPED", "distributor CLAMPED", "customer CLAMPED")
		}},
		{"a map's key goes by a tombstone", "variables", func(s *story) {
			s.says("distributor", "SET", `{"A": "1", "B": "2"}`)
			s.says("customer", "REMOVE", `["A"]`)
			s.expect(`{"B":"2"}`, "customer", "default APPLIED", "distributor APPLIED", "customer APPLIED")
			s.says("reseller", "SET", `{"A": "3"}`)
			s.expect(`{"B":"2"}`, "customer", "default APPLIED", "distributor APPLIED", "reseller SHADOWED", "customer APPLIED")
		}},
		{"a secret is never shown", "variables", func(s *story) {
			s.says("distributor", "SET", `{"TOKEN": {"value": "hunter2", "secret": true}}`)
			s.expect(`{"TOKEN":{"secret":true}}`, "distributor", "default APPLIED", "distributor APPLIED")
			r := s.customer()
			if !strings.Contains(string(r.Value.Reveal()), "hunter2") || strings.Contains(s.String()+r.Value.String(), "hunter2") {
				s.t.Errorf("the secret is lost or shown\n%s", s)
			}
		}},
		{"a level without the setting is refused", "billing.currency", func(s *story) {
			s.refused("customer", "SET", `"EUR"`, fault.Invalid, "default")
			s.refused("customer", "GUARD", `{"allowed": ["EUR"]}`, fault.Invalid, "default")
			s.refused("customer", "LOCK", ``, fault.Invalid, "default")
		}},
		{"a guard under a lock may say what holds", "quotas.users", func(s *story) {
			s.says("distributor", "SET", `25`)
			s.says("distributor", "LOCK", ``)
			s.says("customer", "GUARD", `{"max": 30}`)
			s.refused("customer", "GUARD", `{"max": 20}`, fault.SettingLocked, "distributor")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tell(t, tt.key)
			tt.tell(s)
		})
	}
}

// TestTakingAwayIsAlwaysPermitted also under a lock and outside of bounds.
func TestTakingAwayIsAlwaysPermitted(t *testing.T) {
	t.Parallel()
	s := tell(t, "billing.currency")
	s.says("platform", "LOCK", "")
	written := *s.at("customer", "customer")
	before, _ := waterfall.Before(path(), s.directives, written)
	for _, changed := range []waterfall.Change{waterfall.ChangeValue, waterfall.ChangeGuard, waterfall.ChangeLock} {
		if err := waterfall.CheckWrite(s.definition, before, written, changed); err != nil {
			t.Errorf("taking away the %s: %v", changed, err)
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	root, partner, customer := orgtree.ID{1}, orgtree.ID{2}, orgtree.ID{3}
	nodes := []waterfall.Node{
		{Level: waterfall.LevelPlatform, ID: root},
		{Level: waterfall.LevelPartner, ID: partner},
		{Level: waterfall.LevelOrganization, ID: customer},
		{Level: waterfall.LevelGroup, ID: orgtree.ID{4}},
		{Level: waterfall.LevelUser, ID: orgtree.ID{5}},
	}
	said := func(node int, author orgtree.ID) waterfall.Directive {
		return waterfall.Directive{Node: nodes[node], Author: author, Locked: true}
	}
	steps := waterfall.Steps(nodes, []waterfall.Directive{
		said(4, partner), said(2, customer), said(2, partner), said(2, root), said(3, customer),
		said(1, customer),       // not above: inert
		said(2, orgtree.ID{99}), // no longer above: inert
		said(4, orgtree.ID{4}),  // a group is no author
	})
	var got []string
	for _, s := range steps {
		word := string(s.Node.Level) + " " + string(s.Side)
		if s.Directive != nil {
			word += "!"
		}
		got = append(got, word)
	}
	want := []string{
		"PLATFORM OWN", "PARTNER OWN", "ORGANIZATION MANAGER!", "ORGANIZATION MANAGER!", "ORGANIZATION OWN!",
		"GROUP OWN!", "USER MANAGER!", "USER OWN",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if steps[2].Author != root || steps[3].Author != partner || steps[5].Author != customer {
		t.Error("authors do not stand in the order of the path")
	}
	if before, ok := waterfall.Before(nodes, nil, said(2, root)); !ok || len(before) != 2 {
		t.Errorf("%d steps before the platform at its customer, %t", len(before), ok)
	}
	if _, ok := waterfall.Before(nodes, nil, said(1, customer)); ok {
		t.Error("a customer may speak at its partner")
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key string
		tell      func(s *story)
		want      string
	}{
		{"a set", "cloud.providers", func(*story) {}, "REPLACE APPEND REMOVE RESET GUARD LOCK"},
		{"a map", "variables", func(*story) {}, "SET REPLACE REMOVE RESET LOCK"},
		{"a pinned and locked text", "customize.locale", func(s *story) {
			s.says("customer", "SET", `"fr"`)
			s.says("customer", "LOCK", "")
		}, "SET RESET UNSET UNLOCK"},
		{"under a lock", "quotas.users", func(s *story) {
			s.says("customer", "SET", `5`)
			s.says("platform", "LOCK", "")
		}, "UNSET GUARD LOCK"},
		{"at another level", "billing.currency", func(*story) {}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tell(t, tt.key)
			tt.tell(s)
			var words []string
			for _, a := range s.customer().Actions {
				words = append(words, string(a))
			}
			if got := strings.Join(words, " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestMessages pins the sentences that people read.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := tell(t, "quotas.users")
	s.says("distributor", "SET", `25`)
	err := s.write("customer", "SET", `26`)
	if want := "SETTING_OUT_OF_BOUNDS: quotas.users: partner permits at most 25"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.says("distributor", "LOCK", "")
	err = s.write("customer", "SET", `24`)
	if want := "SETTING_LOCKED: quotas.users is locked by partner"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	d, _ := catalogue.Lookup("billing.currency")
	currency := &story{t: t, definition: d}
	err = currency.write("customer", "SET", `"EUR"`)
	if want := "INVALID: billing.currency can be set at PLATFORM, PARTNER only"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
