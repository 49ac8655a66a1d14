// Package organizations reads and changes the nodes of the tree.
//
// It owns organizations, their place, their kind and what is made together with
// them. It does not own what hangs on them: people, groups, settings, prices.
package organizations
