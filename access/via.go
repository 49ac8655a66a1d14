package access

import "github.com/headwater-platform/headwater/orgtree"

// ViaHighest is Via for the highest such organization, in whose name the viewer
// has most to say.
func (v Viewer) ViaHighest(p Permission, t Target) (orgtree.ID, bool) {
	for _, id := range t.Path.Ancestors() {
		if v.IsSystem() {
			return id, true
		}
		if s, ok := v.Standings[id]; ok && flowTo(s.flow, t.Kind).Has(p) {
			return id, true
		}
	}
	return orgtree.ID{}, false
}

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
