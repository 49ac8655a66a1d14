package records

import "github.com/headwater-platform/headwater/typeid"

// GroupReference is a group as it is named in a chain or as an owner.
type GroupReference struct {
	ID   typeid.ID
	Name string
}
