package waterfall_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// story is a path of four tiers and what they say about one setting.
type story struct {
	t          *testing.T
	definition *waterfall.Definition
	directives []waterfall.Directive
}

func tell(t *testing.T, key string) *story {
	t.Helper()
	d, found := catalogue.Lookup(key)
	if !found {
		t.Fatalf("no setting %s", key)
	}
	return &story{t: t, definition: d}
}

func tiers() []string { return []string{"platform", "distributor", "reseller", "customer"} }

func path() []waterfall.Node {
	return []waterfall.Node{
		{Level: waterfall.LevelPlatform, ID: orgtree.ID{1}},
		{Level: waterfall.LevelPartner, ID: orgtree.ID{2}},
		{Level: waterfall.LevelPartner, ID: orgtree.ID{3}},
		{Level: waterfall.LevelOrganization, ID: orgtree.ID{4}},
	}
}

func nameOf(o waterfall.Origin) string {
	if o.IsDefault() {
		return "default"
	}
	name := tiers()[o.Node.ID[0]-1]
	if o.Side == waterfall.SideManager {
		return tiers()[o.Author[0]-1] + "@" + name
	}
	return name
}

// at returns what the author says at a node, to be added to.
func (s *story) at(node, author string) *waterfall.Directive {
	for i := range s.directives {
		d := &s.directives[i]
		if tiers()[d.Node.ID[0]-1] == node && tiers()[d.Author[0]-1] == author {
			return d
		}
	}
	d := waterfall.Directive{}
	for i, tier := range tiers() {
		if tier == node {
			d.Node = path()[i]
		}
		if tier == author {
			d.Author = path()[i].ID
		}
	}
	s.directives = append(s.directives, d)
	return &s.directives[len(s.directives)-1]
}

// write checks and then makes a change at a tier's own node, or at node@author.
// The change is an operation and its value, or GUARD and bounds, or LOCK.
func (s *story) write(who, verb, value string) error {
	s.t.Helper()
	node, author, placed := strings.Cut(who, "@")
	if !placed {
		author = node
	}
	current := s.at(node, author)
	written := *current
	var changed waterfall.Change
	switch verb {
	case "GUARD":
		changed = waterfall.ChangeGuard
		g := s.guard(value)
		written.Guard = &g
	case "LOCK":
		changed, written.Locked = waterfall.ChangeLock, true
	default:
		changed = waterfall.ChangeValue
		op, err := s.definition.ParseOperation(waterfall.OperationKind(verb), []byte(value))
		if err != nil {
			return err
		}
		if current.Operation != nil {
			op = current.Operation.Then(op)
		}
		written.Operation = &op
	}
	before, ok := waterfall.Before(path(), s.directives, written)
	if !ok {
		s.t.Fatalf("%s cannot speak at %s", author, node)
	}
	if err := waterfall.CheckWrite(s.definition, before, written, changed); err != nil {
		return err
	}
	*current = written
	return nil
}

// says makes a change that must be permitted.
func (s *story) says(who, verb, value string) {
	s.t.Helper()
	if err := s.write(who, verb, value); err != nil {
		s.t.Fatalf("%s %s %s: %v", who, verb, value, err)
	}
}

// refused makes a change that must be refused with the code by the tier.
func (s *story) refused(who, verb, value string, code fault.Code, by string) {
	s.t.Helper()
	err := s.write(who, verb, value)
	var refusal *waterfall.Refusal
	if !errors.As(err, &refusal) {
		s.t.Fatalf("%s %s %s: got %v, want a refusal", who, verb, value, err)
	}
	if refusal.Code != code || nameOf(refusal.By) != by {
		s.t.Errorf("%s %s %s: refused with %s by %s, want %s by %s", who, verb, value, refusal.Code, nameOf(refusal.By), code, by)
	}
}

func (s *story) guard(bounds string) waterfall.Guard {
	s.t.Helper()
	g, err := s.definition.DecodeGuard([]byte(bounds))
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

// customer returns what the last tier gets.
func (s *story) customer() waterfall.Resolution {
	return waterfall.Resolve(s.definition, waterfall.Steps(path(), s.directives))
}

// String writes the customer's resolution down for people.
func (s *story) String() string {
	r := s.customer()
	var b strings.Builder
	fmt.Fprintf(&b, "%s = %s from %s", s.definition.Key, r.Value.JSON(), nameOf(r.Source))
	if r.LockedBy != nil {
		fmt.Fprintf(&b, ", locked by %s", nameOf(*r.LockedBy))
	}
	if c := r.ClampedBy; c != nil {
		fmt.Fprintf(&b, ", asked %s but %s permits %s", c.Requested, nameOf(c.By), c.Bound)
	}
	b.WriteString("\n")
	for _, p := range r.Parts {
		fmt.Fprintf(&b, "  %s%s from %s\n", p.Key, p.Element, nameOf(p.Source))
	}
	for i, e := range r.Chain {
		fmt.Fprintf(&b, "  %-11s %-8s %s\n", nameOf(e.Origin), e.Status, r.Because(i, nameOf))
	}
	return b.String()
}

// TestWorkedExample tells the example of four tiers and four settings: limits
// that narrow, a clamp, a lock above older directives, and a map.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	types := tell(t, "cloud.instance_types")
	types.says("platform", "REPLACE", `["aws/c5", "aws/m5", "aws/p5"]`)
	types.says("distributor", "REMOVE", `["aws/p5"]`)
	types.says("distributor", "GUARD", `{"allowed": ["aws/c5", "aws/m5"]}`)
	types.refused("reseller", "APPEND", `["aws/p5"]`, fault.SettingOutOfBounds, "distributor")

	session := tell(t, "authentication.session_max_duration")
	session.says("platform", "GUARD", `{"min": "PT1H", "max": "PT72H"}`)
	session.says("platform", "SET", `"PT24H"`)
	session.says("distributor", "SET", `"PT48H"`)
	session.says("reseller", "GUARD", `{"min": "PT1H", "max": "PT36H"}`)

	mfa := tell(t, "authentication.mfa_required")
	mfa.says("distributor", "SET", `false`)
	mfa.says("customer", "SET", `false`)
	mfa.says("platform", "SET", `true`)
	mfa.says("platform", "LOCK", "")
	mfa.refused("reseller", "SET", `true`, fault.SettingLocked, "platform")

	theme := tell(t, "customize.theme")
	theme.says("distributor", "SET", `{"logo": "https://distributor.example/logo.svg", "accent": "#112233"}`)
	theme.says("reseller", "SET", `{"logo": "https://reseller.example/logo.svg"}`)

	var got strings.Builder
	for _, s := range []*story{types, session, mfa, theme} {
		got.WriteString(s.String())
	}
	want, err := os.ReadFile("testdata/worked_example.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the example changed (-want +got):\n%s", diff)
	}
}
