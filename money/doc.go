// Package money is exact decimal arithmetic, currencies and the sums of both.
//
// It owns how a number is read, kept, rounded, written and divided among
// lines. It does not own prices (pricing), exchange rates, or how a database
// keeps an amount. No operation but Round loses a digit, and no value ever
// passes through binary floating point.
package money
