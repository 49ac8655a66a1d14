// Package payments keeps how organizations pay, and who is told about their bills.
//
// It owns the rules by which payment methods come and go. It does not own money:
// a payment processor outside collects it, by the reference that is kept here, and
// whoever is paid says so of a statement (statements).
package payments
