// Package spending decides whether new work may start.
//
// It owns how the settings about providers, instance types and their numbers
// apply to what somebody wants to start, and says why. It does not own the
// settings (waterfall), what runs (service/resources) nor what it costs
// (pricing).
package spending
