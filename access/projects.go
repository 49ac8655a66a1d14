package access

import (
	"slices"

	"github.com/headwater-platform/headwater/orgtree"
)

// ProjectsWith returns in which projects of the target's organization the
// viewer may use a permission: in all of them, or else in those listed, in
// ascending order.
func (v Viewer) ProjectsWith(p Permission, t Target) (all bool, projects []orgtree.ID) {
	if Check(v, p, t.In(orgtree.ID{})) == nil {
		return true, nil
	}
	for id, permissions := range v.Standing(t.Path.Leaf()).rights.Projects {
		if permissions.Has(p) && Check(v, p, t.In(id)) == nil {
			projects = append(projects, id)
		}
	}
	slices.SortFunc(projects, orgtree.ID.Compare)
	return false, projects
}
