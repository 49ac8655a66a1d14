// Package groups reads and changes groups: their names, roles, ranks and who is
// in them.
//
// It owns the rules of groups and the checks that keep a grant within the
// grantor's own rights. It does not own what the roles mean (access) nor how
// members are shown (people).
package groups
