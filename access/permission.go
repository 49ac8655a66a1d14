package access

import "math/bits"

// Permission is one atomic right in an organization or project, written
// area:verb.
type Permission string

// Set is a set of permissions. The zero Set is empty.
type Set uint64

// SetOf returns the set of some permissions of the catalogue.
func SetOf(permissions ...Permission) Set {
	return catalogue.setOf(permissions...)
}

// Has reports whether the permission is in the set.
func (s Set) Has(p Permission) bool { return s&bit(p) != 0 }

// List returns the permissions of the set in the order of the catalogue.
func (s Set) List() []Permission {
	list := make([]Permission, 0, bits.OnesCount64(uint64(s)))
	for rest := s; rest != 0; rest &= rest - 1 {
		list = append(list, catalogue.permissions[bits.TrailingZeros64(uint64(rest))].Permission)
	}
	return list
}

// bit returns the place of a permission in sets, or 0 for one that is not in
// the catalogue, which nobody holds.
func bit(p Permission) Set { return catalogue.bits[p] }

// Known reports whether the permission is in the catalogue.
func (p Permission) Known() bool { return bit(p) != 0 }

// IsRead reports whether the permission only reads.
func (p Permission) IsRead() bool { return catalogue.reads.Has(p) }

// Permissions returns every permission, in the order of the catalogue.
func Permissions() []Permission { return catalogue.all.List() }
