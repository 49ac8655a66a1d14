// Package access decides who may do what, and why.
//
// It owns the catalogue of permissions and permission sets (model.go, one table
// for a reviewer to read), policies and their rules, what a principal's place in
// an organization gives it (Standing), how rights flow down the tree, the one
// evaluator (Check), its explanation (Explain) and the one rule against
// escalation (CheckGranting). It does not own loading: standings and paths come
// in as arguments, and nothing here reads a store or a clock.
//
// A right is a permission in an organization or in one of its projects. The
// owner of an organization has every right in it. Everybody else has the union
// of their grants, each a permission set in a scope from a source: a group's
// role, a group's project, a policy. There is no deny and no order. Rights flow
// down from a partner or from the platform to the organizations below when the
// viewer's rights there open the door (see Standing).
package access
