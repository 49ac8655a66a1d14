// Package usage brings usage into the platform: whose a row of a provider's
// file is, and what it costs on each edge of its chain.
//
// It owns usage mappings, imports and the rows that they load: usage lines,
// rated lines and daily roll-ups; and units, SKUs and events of usage that is
// metered. It does not own the format of the files (focus), what an event costs
// (metering), how a price is found (pricing), the rules themselves (service/rates)
// nor reading costs (service/costs).
//
// # Whose a row is
//
// The mapping that fits a row most closely decides, in this order:
//
//  1. sub-account, tag and value
//  2. tag and value
//  3. sub-account and tag, whatever the value
//  4. tag, whatever the value
//  5. sub-account
//
// Where two tags of a row are mapped equally closely, the one whose key sorts
// first decides. A row that no mapping fits stays with the importing
// organization, unattributed.
//
// # How an import becomes valid
//
// Rows are loaded in short transactions under an import that is LOADING and
// count nowhere. One short transaction then makes the import and its datasets
// ACTIVE and supersedes the datasets of the same source, which is a billing
// month of one billing account of one provider. An import that is refused takes
// back what it loaded; one whose process dies is cleared away by Sweep.
//
// Rows of a closed month are compared with what is closed, if the import is to
// correct that, and what differs is loaded as lines of the first open month; ADR 35
// has the reasons.
//
// # How mappings and prices reach what is there
//
// A rating says whose the lines of a dataset are and what they cost, and one
// rating of each dataset counts. A mapping or a price that changes makes the
// datasets that it is about wait for another, which a job loads beside the one
// that counts; see Rate. ADR 24 has the reasons.
//
// # What an organization meters itself
//
// Units, SKUs and their rates say what a quantity costs. RecordUsage stores events
// and adds them, as lines that say whose they are, to what counts, in one
// transaction; ADR 30 has the reasons.
package usage
