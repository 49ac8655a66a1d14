// Package schema describes the tables of Headwater.
//
// It owns columns, keys, indexes and the constraints that the database itself
// upholds: one root, one owner, unique names, RESTRICT on parents. It does not
// own behaviour: hooks, privacy and validation that needs other rows belong to
// the services and to package database.
package schema
