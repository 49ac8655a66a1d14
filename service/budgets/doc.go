// Package budgets tells organizations when they have spent parts of what they mean
// to spend in a month.
//
// It owns budgets and who is told when. It stops nothing: that is what allocations
// are for. When an alert is reached is decided by spending.
package budgets
