// Package demo makes a platform to look at: partners and their customers, the
// people in them, settings at every tier, prices on every edge and three months
// of usage.
//
// It owns what is made up: names, the story of who set what and why, and the
// rows of usage. The same seed, size and present make the same platform on every
// database. Everything but what no service offers goes through the services, in
// the name of whoever would do it, so the journal tells how the platform came to
// be. The package owns no rule of the platform and no way to reach it: the
// command line opens the database and serves it.
package demo
