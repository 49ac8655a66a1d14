// Package pricing decides what a line of usage costs on each edge of its
// chain, seller to buyer, and why.
//
// It owns rules, their precedence, the months they are in force, the rated
// amount and the margins. It does not own where rules and usage are kept
// (service), who may see a price (access), sums over time, or statements.
//
// A price is a property of an edge. Of the seller's rules that are in force
// in the line's month and match the line and the buyer, one wins; where none
// does, the buyer pays the seller's own buy price.
package pricing
