// Package access decides who may do what, and why.
//
// It owns the catalogue of permissions and permission sets, the viewer, the way
// rights flow down the tree and the one evaluator, Check. It does not own
// loading: a viewer's standing in organizations comes in as an argument, and
// nothing here reads a store.
//
// A right is a permission in an organization. The owner of an organization has
// every right in it. Everybody else has the union of the permission sets that
// group roles and built-in groups grant; there is no deny and no order. Rights
// flow down from a partner or from the platform to the organizations below when
// the viewer's rights there open the door (see Standing).
package access
