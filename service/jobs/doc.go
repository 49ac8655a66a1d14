// Package jobs does the work that others put off: mails, purges, sweeps.
//
// It owns when a job runs, how often it is tried and what becomes of it. It does
// not own what is done (the handlers that are registered), nor how a job comes
// into being (database.Tx.Enqueue).
//
// A job runs at least once: a process may die after the work and before it wrote
// down that it was done, and then another does it again. So handlers look whether
// there is still something to do.
package jobs
