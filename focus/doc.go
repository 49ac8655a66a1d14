// Package focus reads and writes FOCUS cost-and-usage files, the common billing
// format of cloud providers, as CSV or gzip-compressed CSV.
//
// It owns the columns of FOCUS 1.0 to 1.4 and their older names, what counts as
// null, how a cell becomes a value, which rows and files are refused and where
// in the file the fault lies, and the bounds that keep a hostile file from
// taking memory or time. It streams: memory does not grow with the file.
//
// It does not own whose usage a row is, which rows replace which, or in what
// currency a total is kept (the import), nor prices (pricing). It opens no
// file and knows no database: it works on an io.Reader and an io.Writer.
//
// What real files need and the reader therefore accepts:
//   - NULL, (null) and the empty cell are null.
//   - Timestamps need no T, no zone and no time of day; without a zone they
//     are UTC.
//   - Columns may come in any order and case; columns without a field in Row
//     are kept in Row.Extra whether or not their name starts with x_.
//   - Costs and quantities have either sign, zero costs are rows too, and no
//     cost is recomputed from a unit price.
//   - A row may be charged in another month than it is billed in, and rows may
//     repeat.
package focus
