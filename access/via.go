package access

import "github.com/headwater-platform/headwater/orgtree"

// Via returns the nearest organization above the target from which the
// permission flows down to it for the viewer, or false if it flows from none.
func (v Viewer) Via(p Permission, t Target) (orgtree.ID, bool) {
	above := t.Path.Ancestors()
	for i := len(above) - 1; i >= 0; i-- {
		if s, ok := v.Standings[above[i]]; ok && flowTo(s.flow, t.Kind).Has(p) {
			return above[i], true
		}
	}
	return orgtree.ID{}, false
}
