// Package support is how organizations get help from those who run the platform:
// the plan that they have, and the tickets that they open.
//
// It owns the catalogue of plans, the history of an organization's plans and the
// life of a ticket. It does not own what a plan costs in a month (billing), nor
// the mails that tell of an answer (mails).
package support
