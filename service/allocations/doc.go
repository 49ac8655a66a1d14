// Package allocations limits what organizations and groups may use, and says how
// much they have left.
//
// It owns allocations and thresholds: who may set them, what has been used of
// them, and which thresholds fire and who is told. It does not own how a state
// follows from that (spending), what usage costs (usage, costs), nor what is
// started (resources).
package allocations
