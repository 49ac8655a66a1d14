// Package invoicing works out what a statement says: its lines from exact sums of
// usage, what is taken off, fees, and taxes; and what a credit note takes back.
//
// It owns which terms hold for a customer in a month, in which order they apply
// and how everything is rounded, so that what is printed adds up. It is pure: it
// knows neither where charges and terms come from nor what becomes of a
// statement.
package invoicing
