// Package metering decides what usage that an organization meters itself costs.
//
// It owns which rate holds when, what an event costs by the rates of its SKU and
// its unit, what an event may say, and how far a correction may go. It does not
// own what a buyer pays for it (pricing) nor what is stored (service/usage).
package metering
