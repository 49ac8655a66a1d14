// Package spending decides whether new work may start, and foretells what work
// will have cost.
//
// It owns how the settings about providers, instance types and their numbers
// apply to what somebody wants to start, and says why; and how what a period has
// cost so far becomes a forecast. It does not own the settings (waterfall), what
// runs (service/resources) nor what it costs (pricing).
package spending
