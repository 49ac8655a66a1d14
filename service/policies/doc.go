// Package policies reads and changes policies: permission sets that one
// principal of an organization holds in a scope, under a condition.
//
// It owns who may read and write policies, what may stand in them, and that
// those which the platform made are changed by the owner alone. It does not own
// what a permission set holds nor when a rule has an effect (access).
package policies
