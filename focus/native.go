package focus

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headwater-platform/headwater/money"
)

// Format is whose columns a file has.
type Format string

// The formats that a Reader recognises by the header. All but FOCUS are a
// provider's own, and are converted to FOCUS row by row.
const (
	FormatFOCUS Format = "FOCUS"
	FormatAWS   Format = "AWS_CUR"
	FormatAzure Format = "AZURE_COST"
	FormatOCI   Format = "OCI_COST"
)

// layout is how the columns of one format become the fields of a Row.
type layout struct {
	format  Format
	origins []origin
	// constants are what every row of the format says, by the name of the
	// column in FOCUS.
	constants map[string]string
	// tag returns the key of the tag that a column holds the values of; nil if
	// the format has no such columns.
	tag func(name string) (key string, ok bool)
	// settle gives the fields that rest on several cells. It comes after the
	// cells of each record have been read, and reset before.
	settle func(r *Row) *RowError
	reset  func()
}

// origin is a column of a file and the fields of Row that it gives.
type origin struct {
	// names are the column's spellings and, of a provider's own format, the
	// columns that stand in where it is missing or null, the closest first.
	names []string
	// gives names the columns of FOCUS that have their values from it; none if
	// only settle looks at it.
	gives []string
	kept  kept
	// when says whether the current row keeps a column that is kept sometimes.
	when *bool
	read func(m *memo, r *Row, cell string) error
}

// kept says whether a column that is read goes to Row.Extra too.
type kept int

const (
	keptNever kept = iota
	keptSometimes
	keptAlways
)

// natives returns the layouts of the providers' own formats for a file with
// these columns. What they remember of a row is theirs alone.
func natives(has columnSet) []*layout {
	return []*layout{awsLayout(has), azureLayout(), ociLayout()}
}

// focusLayout returns the layout of FOCUS itself.
func focusLayout() *layout {
	l := &layout{format: FormatFOCUS}
	for _, c := range columns() {
		names := []string{c.name}
		if c.alias != "" {
			names = append(names, c.alias)
		}
		l.origins = append(l.origins, origin{names: names, gives: []string{c.name}, read: c.read})
	}
	return l
}

// columnSet holds the names of a header in lower case.
type columnSet map[string]bool

func newColumnSet(header []string) columnSet {
	set := make(columnSet, len(header))
	for _, name := range header {
		set[strings.ToLower(name)] = true
	}
	return set
}

// any returns the first of the names that is in the header.
func (s columnSet) any(names []string) (string, bool) {
	for _, name := range names {
		if s[strings.ToLower(name)] {
			return name, true
		}
	}
	return "", false
}

// recognise returns the layout of a header. A format is known by its cost
// column. A header with the costs of two formats is refused, since either could
// be meant; one without any has the layout that it lacks least of.
func recognise(header []string) (*layout, error) {
	has := newColumnSet(header)
	candidates := append([]*layout{focusLayout()}, natives(has)...)
	var found []*layout
	var costs []string
	for _, l := range candidates {
		if name, ok := has.any(l.giver(billedCost).names); ok {
			found = append(found, l)
			costs = append(costs, fmt.Sprintf("%s (%s)", name, l.format))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nearest(candidates, has), nil
	default:
		return nil, headerError("the header has the costs of several formats: %s", strings.Join(costs, ", "))
	}
}

// nearest returns the layout with the largest part of its mandatory columns in
// the header; FOCUS if there is no difference.
func nearest(candidates []*layout, has columnSet) *layout {
	best, bestThere, bestOf := candidates[0], 0, 1
	for _, l := range candidates {
		there, of := l.coverage(has)
		if there*bestOf > bestThere*of {
			best, bestThere, bestOf = l, there, of
		}
	}
	return best
}

// coverage returns how many of the mandatory columns that the layout takes from
// a file there are in the header.
func (l *layout) coverage(has columnSet) (there, of int) {
	for _, c := range columns() {
		o := l.giver(c.name)
		if !c.mandatory || o == nil {
			continue
		}
		of++
		if _, ok := has.any(o.names); ok {
			there++
		}
	}
	return there, of
}

// giver returns the origin of a column of FOCUS, nil if no column of a file is.
func (l *layout) giver(name string) *origin {
	for i := range l.origins {
		if slices.Contains(l.origins[i].gives, name) {
			return &l.origins[i]
		}
	}
	return nil
}

// label names a mandatory column that a file lacks, and in parentheses what
// else would do.
func (l *layout) label(c column) string {
	if l.format == FormatFOCUS {
		return c.label()
	}
	return fmt.Sprintf("%s (%s)", l.giver(c.name).names[0], c.name)
}

// isNative reports whether the format is a provider's own.
func (l *layout) isNative() bool { return l.format != FormatFOCUS }

// costColumns holds the cost columns of all formats, by which they are known.
var costColumns = sync.OnceValue(func() columnSet { //nolint:gochecknoglobals // never changes
	set := make(columnSet)
	for _, l := range append([]*layout{focusLayout()}, natives(nil)...) {
		for _, name := range l.giver(billedCost).names {
			set[strings.ToLower(name)] = true
		}
	}
	return set
})

// from begins a line of a format's table: the column and what stands in for it.
func from(names ...string) origin { return origin{names: names} }

// to lets the column give a column of FOCUS as it is.
func (o origin) to(name string) origin {
	c, ok := columnNamed(name)
	if !ok {
		panic("there is no column " + name)
	}
	o.gives, o.read = []string{c.name}, c.read
	return o
}

// with lets the column give columns of FOCUS in its own way.
func (o origin) with(read func(m *memo, r *Row, cell string) error, gives ...string) origin {
	o.gives, o.read = gives, read
	return o
}

// fact lets settle know the text of the column, which is kept.
func (o origin) fact(at *string) origin {
	return o.with(func(_ *memo, _ *Row, cell string) error {
		*at = cell
		return nil
	}).keep()
}

// amount lets settle know the amount of the column, which is kept.
func (o origin) amount(at *NullDecimal) origin {
	return o.with(func(_ *memo, _ *Row, cell string) error {
		d, err := parseAmount(cell)
		*at = Some(d)
		return err
	}).keep()
}

// keep has Row.Extra hold the column too, since what it gives is not all that
// it says.
func (o origin) keep() origin {
	o.kept = keptAlways
	return o
}

// keepIf has Row.Extra hold the column in rows for which settle says so.
func (o origin) keepIf(when *bool) origin {
	o.kept, o.when = keptSometimes, when
	return o
}

// isWord reports whether a cell is a word such as a format names its kinds of
// charges by, rather than a cell that belongs elsewhere.
func isWord(cell string) bool {
	for i := range len(cell) {
		if c := cell[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return cell != ""
}

// orAdjustment returns the category of a kind of charge, given the one that is
// known of it, "" for none. FOCUS puts what belongs nowhere else under
// Adjustment: so a kind that a provider makes tomorrow is billed, and passed on
// at what it costs.
func orAdjustment(category, kind string) (string, error) {
	if category != "" {
		return category, nil
	}
	if !isWord(kind) {
		return "", fmt.Errorf("%.40q is not a kind of charge", kind)
	}
	return CategoryAdjustment, nil
}

// nextDay returns the day behind that of t, or says that there is none.
func nextDay(t time.Time) (time.Time, error) {
	return within(t.Truncate(24*time.Hour).AddDate(0, 0, 1))
}

// unrelated gives a charge that no price is behind, such as a tax or a credit,
// the one cost that it has in every measure, as FOCUS asks.
func unrelated(r *Row) {
	cost := Some(r.BilledCost)
	r.EffectiveCost, r.ListCost, r.ContractedCost = cost, cost, cost
}

// consumed has the quantity of usage be what was consumed too, since the
// provider names no other.
func consumed(r *Row) { r.ConsumedQuantity, r.ConsumedUnit = r.PricingQuantity, r.PricingUnit }

// maxBillingAccounts bounds how many billing accounts a decoder remembers.
const maxBillingAccounts = 1024

// bills holds the currency of each billing account of a provider's own file.
type bills map[string]string

// check returns an error if the row is in another currency than the rows of its
// billing account before it.
func (b bills) check(r *Row) *RowError {
	currency, known := b[r.BillingAccountID]
	if known && currency != r.BillingCurrency {
		return &RowError{Column: billingCurrency, Message: fmt.Sprintf(
			"the row is in %s, rows of the same billing account before it are in %s", r.BillingCurrency, currency)}
	}
	if !known {
		if len(b) >= maxBillingAccounts {
			clear(b)
		}
		b[strings.Clone(r.BillingAccountID)] = strings.Clone(r.BillingCurrency)
	}
	return nil
}

// sum returns an amount that was added up, or says that it is none.
func sum(column string, d money.Decimal) (NullDecimal, *RowError) {
	if err := money.CheckAmount(d); err != nil {
		return NullDecimal{}, &RowError{Column: column, Message: "the cost has more digits than an amount"}
	}
	return Some(d), nil
}
