package orgtree_test

import (
	"slices"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

func path(n int) orgtree.Path {
	p := make(orgtree.Path, n)
	for i := range p {
		p[i] = orgtree.ID{byte(i + 1)}
	}
	return p
}

func TestPath(t *testing.T) {
	t.Parallel()
	p := path(3)
	if p.Leaf() != (orgtree.ID{3}) || p.Depth() != 2 || !slices.Equal(p.Ancestors(), []orgtree.ID{{1}, {2}}) {
		t.Errorf("leaf %v, depth %d, ancestors %v", p.Leaf(), p.Depth(), p.Ancestors())
	}
	if !p.Contains(orgtree.ID{1}) || !p.Contains(orgtree.ID{3}) || p.Contains(orgtree.ID{4}) {
		t.Error("the path contains the wrong organizations")
	}
	if !slices.Equal(p.From(orgtree.ID{2}), orgtree.Path{{2}, {3}}) || p.From(orgtree.ID{9}) != nil {
		t.Errorf("from the middle: %v, from elsewhere: %v", p.From(orgtree.ID{2}), p.From(orgtree.ID{9}))
	}
	var none orgtree.Path
	if !none.Leaf().IsZero() || none.Ancestors() != nil || none.Depth() != -1 {
		t.Errorf("an empty path has leaf %v, ancestors %v, depth %d", none.Leaf(), none.Ancestors(), none.Depth())
	}
}

// TestChildSharesNothing appends twice to a path with room, as a careless append
// would overwrite.
func TestChildSharesNothing(t *testing.T) {
	t.Parallel()
	roomy := append(make(orgtree.Path, 0, 10), path(2)...)
	first, second := roomy.Child(orgtree.ID{8}), roomy.Child(orgtree.ID{9})
	if first.Leaf() != (orgtree.ID{8}) || second.Leaf() != (orgtree.ID{9}) || len(roomy) != 2 {
		t.Errorf("%v and %v from %v", first, second, roomy)
	}
}

func TestKindsAndStatuses(t *testing.T) {
	t.Parallel()
	for kind, manages := range map[orgtree.Kind]bool{orgtree.Platform: true, orgtree.Partner: true, orgtree.Standard: false, "OTHER": false} {
		if kind.CanManage() != manages {
			t.Errorf("%s manages: %t", kind, kind.CanManage())
		}
	}
	if !slices.Equal(orgtree.Kind("").Values(), []string{"PLATFORM", "PARTNER", "STANDARD"}) {
		t.Errorf("kinds %v", orgtree.Kind("").Values())
	}
	if !slices.Equal(orgtree.Status("").Values(), []string{"PENDING_ACTIVATION", "ACTIVE", "LOCKED", "DEACTIVATED", "DELETED"}) {
		t.Errorf("statuses %v", orgtree.Status("").Values())
	}
}

func TestCheckPlacement(t *testing.T) {
	t.Parallel()
	id := orgtree.ID{99}
	for name, tt := range map[string]struct {
		id      orgtree.ID
		kind    orgtree.Kind
		height  int
		manager orgtree.Path
		of      orgtree.Kind
		code    fault.Code
		field   string
	}{
		"a customer below a partner":      {id, orgtree.Standard, 0, path(2), orgtree.Partner, "", ""},
		"a partner below a partner":       {id, orgtree.Partner, 0, path(3), orgtree.Partner, "", ""},
		"a customer below the platform":   {id, orgtree.Standard, 0, path(1), orgtree.Platform, "", ""},
		"the platform below anything":     {id, orgtree.Platform, 0, path(1), orgtree.Platform, fault.Invalid, "kind"},
		"a customer below a customer":     {id, orgtree.Standard, 0, path(2), orgtree.Standard, fault.Invalid, "managedById"},
		"an organization below itself":    {orgtree.ID{2}, orgtree.Partner, 0, path(2), orgtree.Partner, fault.Conflict, ""},
		"an organization below its own":   {orgtree.ID{1}, orgtree.Partner, 0, path(3), orgtree.Partner, fault.Conflict, ""},
		"at the greatest depth":           {id, orgtree.Standard, 0, path(16), orgtree.Partner, "", ""},
		"below the greatest depth":        {id, orgtree.Standard, 0, path(17), orgtree.Partner, fault.LimitExceeded, ""},
		"a subtree that just fits":        {id, orgtree.Partner, 3, path(13), orgtree.Partner, "", ""},
		"a subtree that reaches too deep": {id, orgtree.Partner, 4, path(13), orgtree.Partner, fault.LimitExceeded, ""},
	} {
		err := orgtree.CheckPlacement(tt.id, tt.kind, tt.height, tt.manager, tt.of, orgtree.MaxDepth)
		var field string
		if f, ok := err.(*fault.Error); ok { //nolint:errorlint // CheckPlacement wraps nothing
			field = f.Field
		}
		if fault.CodeOf(err) != tt.code || field != tt.field {
			t.Errorf("%s: %v, want %s of %q", name, err, tt.code, tt.field)
		}
	}
}
