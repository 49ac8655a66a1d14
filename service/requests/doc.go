// Package requests lets people of a managing tier ask to become members of an
// organization below, and tells its owner what those above did or ask.
//
// It owns the life of a request for access and who sees requests and notices. It
// does not own the leaving of notices (records), nor other ways to become a
// member (people).
package requests
