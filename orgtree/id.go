// Package orgtree is the shape of the organization tree: identities, kinds,
// states, paths and the rules that keep it a tree.
//
// It owns containment, depth and placement. It does not own rights (access),
// settings (waterfall) or prices (pricing), which all follow its paths.
package orgtree

// ID identifies a node of the tree or a thing placed on it. It holds the bytes
// of a UUID; the zero ID identifies nothing.
type ID [16]byte

// IsZero reports whether the id identifies nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Kind is what an organization is for.
type Kind string

// The kinds. There is exactly one PLATFORM, the root. A PARTNER may manage
// organizations, partners among them. A STANDARD organization manages none.
const (
	Platform Kind = "PLATFORM"
	Partner  Kind = "PARTNER"
	Standard Kind = "STANDARD"
)

// Values returns every kind, for the store's enum.
func (Kind) Values() []string { return []string{string(Platform), string(Partner), string(Standard)} }

// CanManage reports whether organizations of this kind may have organizations
// below them.
func (k Kind) CanManage() bool { return k == Platform || k == Partner }

// Status is the state of an organization's life.
type Status string

// The states, in the order of a life.
const (
	PendingActivation Status = "PENDING_ACTIVATION"
	Active            Status = "ACTIVE"
	Locked            Status = "LOCKED"
	Deactivated       Status = "DEACTIVATED"
	Deleted           Status = "DELETED"
)

// Values returns every status, for the store's enum.
func (Status) Values() []string {
	return []string{string(PendingActivation), string(Active), string(Locked), string(Deactivated), string(Deleted)}
}
