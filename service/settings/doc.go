// Package settings reads and changes the settings of the tree.
//
// It owns which directives count for whom, who may write them and how the
// answer of the waterfall is told to a viewer. It does not own the algebra
// (waterfall), the list of settings (catalogue) nor redaction (records).
package settings
