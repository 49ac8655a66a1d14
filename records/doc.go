// Package records answers what every request needs to know about the tree: the
// path of an organization, the standing of a principal, the directives and
// price rules on a path.
//
// It is the only reader that is not confined to the viewer's part of the tree,
// because a waterfall begins at the root whoever asks. It therefore also owns
// redaction: what it hands out about organizations above the viewer's own tree
// names their tier and nothing more. Check is the loaded form of access.Check.
//
// What organizations and principals say themselves it keeps in memory, and drops
// when the journal says that it changed.
package records
