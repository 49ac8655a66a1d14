// Package focus reads and writes FOCUS cost-and-usage files, the common billing
// format of cloud providers, as CSV or gzip-compressed CSV. It reads providers'
// own billing files too and makes FOCUS of them.
//
// It owns the columns of FOCUS 1.0 to 1.4 and their older names, those of the
// formats in native.go and what they mean, what counts as null, how a cell
// becomes a value, which rows and files are refused and where in the file the
// fault lies, and the bounds that keep a hostile file from taking memory or
// time. It streams: memory does not grow with the file.
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
//
// # Providers' own formats
//
// A Reader recognises the format by the cost column of the header. Each format
// is one table, from columns of the file to those of FOCUS, and one function
// for what rests on several cells; their comments say how costs, categories and
// periods come about and what stays unknown. Beyond that:
//
//   - A file is one bill, or some: a billing account has one currency in it.
//   - The parts in which a provider delivers a bill may stand behind one
//     another, each with its header.
//   - What a commitment covers is billed at 0, as FOCUS asks, and the cost of
//     the file is kept. ADR 28 has the reasons.
//   - A column that no table reads, and one that says more than is read, goes to
//     Row.Extra.
package focus
