package waterfall_test

import (
	"fmt"
	"strings"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// A partner asks for long sessions; its own partner permits at most 36 hours.
func Example() {
	longest, _ := catalogue.Lookup("authentication.session_max_duration")
	wish, _ := longest.ParseOperation(waterfall.OperationSet, []byte(`"PT48H"`))
	limit, _ := longest.ParseGuard(waterfall.GuardInput{Max: []byte(`"PT36H"`)})

	root, distributor, reseller := orgtree.ID{1}, orgtree.ID{2}, orgtree.ID{3}
	path := []waterfall.Node{
		{Level: waterfall.LevelPlatform, ID: root},
		{Level: waterfall.LevelPartner, ID: distributor},
		{Level: waterfall.LevelPartner, ID: reseller},
	}
	steps := waterfall.Steps(path, []waterfall.Directive{
		{Node: path[2], Author: reseller, Operation: &wish},
		{Node: path[1], Author: distributor, Guard: &limit},
	})
	r := waterfall.Resolve(longest, steps)

	name := func(o waterfall.Origin) string { return strings.ToLower(string(o.Node.Level)) }
	fmt.Printf("%s, asked %s\n", r.Value.JSON(), r.ClampedBy.Requested)
	for i, e := range r.Chain {
		fmt.Println(e.Node.Level, e.Status, "-", r.Because(i, name))
	}
	// Output:
	// "PT36H", asked "PT48H"
	// DEFAULT SHADOWED - Replaced further down by partner.
	// PLATFORM INHERIT - Says nothing and inherits the value.
	// PARTNER INHERIT - Sets bounds and inherits the value.
	// PARTNER CLAMPED - Asks for "PT48H", but partner permits "PT36H".
}
