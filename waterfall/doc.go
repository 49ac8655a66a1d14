// Package waterfall decides what a setting is at a node of the tree, and why.
//
// Settings flow down: the definition's default, the platform, each partner on
// the path, the organization, its groups, the user. Along the way two channels
// are folded from left to right. The value channel holds what is asked for: the
// latest SET wins, edits of sets and maps compose. The guard channel holds what
// is permitted: an interval that only narrows, in which what came earlier
// dominates. The effective value is the projection of the one into the other,
// so an ancestor's bound or lock holds without touching what is stored below it,
// and what it overrules comes back by itself when it goes.
//
// It owns definitions' types and checks, the normal form of directives, the
// fold, the explanation of its result and the check of a write. It does not own
// the list of settings (catalogue), who may write (access), how directives are
// stored, nor which names a reader may see: those come from the caller.
package waterfall
