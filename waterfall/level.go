package waterfall

import "github.com/headwater-platform/headwater/orgtree"

// Level is a tier of the waterfall.
type Level string

// The levels, in the order in which they are folded.
const (
	LevelDefault      Level = "DEFAULT"
	LevelPlatform     Level = "PLATFORM"
	LevelPartner      Level = "PARTNER"
	LevelOrganization Level = "ORGANIZATION"
	LevelGroup        Level = "GROUP"
	LevelUser         Level = "USER"
)

// Values returns every level, for the store's and the schema's enum.
func (Level) Values() []string {
	return []string{
		string(LevelDefault), string(LevelPlatform), string(LevelPartner),
		string(LevelOrganization), string(LevelGroup), string(LevelUser),
	}
}

// LevelOf returns the level at which an organization of the kind stands.
func LevelOf(kind orgtree.Kind) Level {
	switch kind {
	case orgtree.Platform:
		return LevelPlatform
	case orgtree.Partner:
		return LevelPartner
	case orgtree.Standard:
		return LevelOrganization
	default:
		return LevelOrganization
	}
}

// isOrganization reports whether nodes of the level are organizations, which
// alone are authors.
func (l Level) isOrganization() bool {
	return l == LevelPlatform || l == LevelPartner || l == LevelOrganization
}

// Side tells who speaks at a node: its own organization or one above it.
type Side string

// The sides. At one node the managers speak first, root first, then its own.
const (
	SideOwn     Side = "OWN"
	SideManager Side = "MANAGER"
)

// Values returns every side, for the store's and the schema's enum.
func (Side) Values() []string { return []string{string(SideOwn), string(SideManager)} }

// Node is a place of the waterfall: an organization, a group or a membership.
// The node of level DEFAULT has the zero ID.
type Node struct {
	Level Level
	ID    orgtree.ID
}

// Origin is who said something where: the answer to "who decided this?".
type Origin struct {
	Node   Node
	Side   Side
	Author orgtree.ID
}

// IsDefault reports whether the definition itself decided.
func (o Origin) IsDefault() bool { return o.Node.Level == LevelDefault }
