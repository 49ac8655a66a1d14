package orgtree

import (
	"slices"

	"github.com/headwater-platform/headwater/fault"
)

// MaxDepth is the greatest depth of an organization; the root has depth 0.
const MaxDepth = 16

// Path is the ids from the root to one organization, both included.
type Path []ID

// Leaf returns the organization the path leads to, or the zero ID.
func (p Path) Leaf() ID {
	if len(p) == 0 {
		return ID{}
	}
	return p[len(p)-1]
}

// Depth returns the depth of the leaf: 0 for the root.
func (p Path) Depth() int { return len(p) - 1 }

// Ancestors returns the ids above the leaf, root first. The root has none.
func (p Path) Ancestors() []ID {
	if len(p) == 0 {
		return nil
	}
	return p[:len(p)-1]
}

// Contains reports whether the organization lies on the path, which is whether
// it is the leaf or above it.
func (p Path) Contains(id ID) bool { return slices.Contains(p, id) }

// From returns the part of the path from the organization down to the leaf,
// both included, or nil if the organization is not on it.
func (p Path) From(id ID) Path {
	i := slices.Index(p, id)
	if i < 0 {
		return nil
	}
	return p[i:]
}

// Child returns the path of an organization directly below the leaf.
func (p Path) Child(id ID) Path {
	return append(slices.Clone(p), id)
}

// CheckPlacement returns nil if an organization of the kind, whose subtree is
// height levels high (0 without descendants), may be placed below the manager.
// It returns INVALID for a kind that cannot stand there, CONFLICT for a cycle
// and LIMIT_EXCEEDED beyond maxDepth.
func CheckPlacement(id ID, kind Kind, height int, manager Path, managerKind Kind, maxDepth int) error {
	if kind == Platform {
		return fault.Invalidf("kind", "the platform is the root of the tree and has no manager")
	}
	if !managerKind.CanManage() {
		return fault.Invalidf("managedById", "only the platform and partners manage organizations")
	}
	if manager.Contains(id) {
		return fault.New(fault.Conflict, "an organization cannot be managed by itself or by an organization below it")
	}
	if manager.Depth()+1+height > maxDepth {
		return fault.New(fault.LimitExceeded, "the tree is at most %d levels deep", maxDepth)
	}
	return nil
}
