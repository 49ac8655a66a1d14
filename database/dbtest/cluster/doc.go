// Package cluster gives tests a real PostgreSQL.
//
// The server is, in this order: the one that TEST_DATABASE_URL names; a private
// throw-away cluster made of the PostgreSQL that is installed (14 or newer); the
// same made of binaries that are fetched. A throw-away cluster listens on a Unix
// socket only, does not care for durability, and drops to another user when the
// tests run as root. Test processes of one user share it, and it goes away a few
// seconds after the last of them has ended, however it ended.
//
// The package owns where the server comes from and that each test has a database
// of its own. It does not know the schema: the caller says how to migrate. Where
// no server can be had it fails with what to install and never skips.
package cluster
