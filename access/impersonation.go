package access

import (
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// CheckOwnHands returns FORBIDDEN to whoever acts in somebody else's place. It
// guards what only the person may do: whatever sets, shows or ends credentials,
// so that nothing of an impersonation outlasts it.
func CheckOwnHands(v Viewer) error {
	if v.IsImpersonated() {
		return fault.New(fault.Forbidden, "nobody does this in somebody else's place")
	}
	return nil
}

// CheckImpersonation returns nil if the viewer may act in the place of a person:
// the viewer is a person who holds platform:write by being in the root, acts
// with no API key and in their own place, and the other is no equal. there is
// what the other is in the root, nil for somebody who is not in it: they may
// neither read nor change the platform, and hold nothing there that the viewer
// lacks, whatever the circumstances. It returns FORBIDDEN otherwise.
func CheckImpersonation(v Viewer, person orgtree.ID, there *Standing, root Target) error {
	switch {
	case v.IsAnonymous():
		return fault.New(fault.Unauthenticated, "sign in first")
	case v.Kind != User || !v.Key.IsZero():
		return fault.New(fault.Forbidden, "only a person who has signed in acts in somebody else's place")
	case !v.Standing(root.Path.Leaf()).rights.has(bit(PlatformWrite), orgtree.ID{}):
		return forbids(PlatformWrite)
	case v.ID == person:
		return fault.New(fault.Forbidden, "nobody acts in their own place")
	}
	if err := CheckOwnHands(v); err != nil || there == nil {
		return err
	}
	theirs := there.Rights()
	if held := theirs.Organization | theirs.AllProjects; held.Has(PlatformRead) || held.Has(PlatformWrite) {
		return fault.New(fault.Forbidden, "nobody acts in the place of those who run the platform")
	}
	if p, missing := v.Standing(root.Path.Leaf()).lasting.Lacks(theirs); missing {
		return fault.New(fault.Forbidden, "this person holds the permission %s, which you do not hold", p)
	}
	return nil
}
