// Package rates reads and changes the prices between the tiers: the multiplier
// rules of each seller, and what an organization pays in the end and why.
//
// It owns who may set a price, which version it gets, what its author is warned
// of, and what of a price its reader is shown. It does not own which rule wins
// and what a line costs (pricing), nor amounts that were rated (costs).
package rates
