// Package terms reads and changes what sellers charge and take off beside their
// prices: taxes, discounts, vouchers and fees for support.
//
// It owns who may set them, from which month on, and who sees them. It does not
// own what they make of a statement (invoicing), nor statements (statements).
package terms
