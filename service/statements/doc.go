// Package statements closes months and says what buyers owe.
//
// It owns the order in which months are closed, what a statement holds, its number
// and what becomes of it. It does not own what usage costs (usage, pricing) nor
// how a sum is posted in whole units (money). What a month that is closed keeps
// from changing is upheld where it would change: rates, usage.
package statements
