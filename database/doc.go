// Package database is the only way to the store.
//
// It owns opening PostgreSQL and SQLite, migrations, transactions, the journal
// that every write appends to, the guard that confines reads and writes to the
// viewer's part of the tree, exact sums, bulk loading and the translation of
// the drivers' errors into faults. It does not own rules of the domain: the
// services decide what to write.
package database
