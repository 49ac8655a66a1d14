// Package costs reads what usage costs: totals and series for a dashboard, and
// the priced lines behind them.
//
// It owns at whose prices a viewer sees the usage of an organization, what of
// the usage they are told, and how rows are labelled and cut. It does not own
// prices (rates, pricing) nor how usage comes in.
package costs
