package focus

import (
	"fmt"
	"strings"
)

// maxColumns bounds the header; real files have some hundred columns.
const maxColumns = 4096

// decoder turns the records under one header into rows.
type decoder struct {
	header   []string
	columns  []*column // by position; nil for an extra one
	template Row       // the defaults
	memo     *memo
	row      Row // the last that decode read
}

// newDecoder finds out which column of the file is which. The error is a
// *FileError, or INVALID for an unusable default.
func newDecoder(header []string, defaults map[string]string) (*decoder, error) {
	d := &decoder{header: make([]string, len(header)), columns: make([]*column, len(header)), memo: newMemo()}
	for i, name := range header {
		d.header[i] = unifyLineBreaks(name)
	}
	positions, err := index(d.header)
	if err != nil {
		return nil, err
	}
	values, err := defaultsByName(defaults)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, c := range columns() {
		if position, ok := c.find(positions); ok {
			d.columns[position] = &c
			continue
		}
		value, ok := values[c.name]
		switch {
		case ok && !isNull(value):
			if err := c.read(d.memo, &d.template, value); err != nil {
				return nil, invalidDefault(c.name, err.Error())
			}
		case c.mandatory:
			missing = append(missing, c.label())
		}
	}
	if len(missing) > 0 {
		return nil, incomplete(header, missing)
	}
	return d, nil
}

// decode reads the record into d.row, or says what is wrong with it.
func (d *decoder) decode(record []string) *RowError {
	if len(record) != len(d.columns) {
		return &RowError{Message: fmt.Sprintf("the row has %d cells, the header %d", len(record), len(d.columns))}
	}
	d.row = d.template
	extra := 0
	for i, cell := range record {
		c := d.columns[i]
		switch {
		case isNull(cell):
			if c != nil && c.mandatory {
				return &RowError{Column: d.header[i], Message: "the value is missing"}
			}
		case c == nil:
			extra++
		default:
			if err := c.read(d.memo, &d.row, cell); err != nil {
				return &RowError{Column: d.header[i], Message: err.Error()}
			}
		}
	}
	d.row.Extra = d.extra(record, extra)
	return d.checkPeriods()
}

// extra returns the n cells of extra columns that are not null.
func (d *decoder) extra(record []string, n int) []Field {
	if n == 0 {
		return nil
	}
	fields := make([]Field, 0, n)
	for i, cell := range record {
		if d.columns[i] == nil && !isNull(cell) {
			fields = append(fields, Field{Name: d.header[i], Value: unifyLineBreaks(cell)})
		}
	}
	return fields
}

func (d *decoder) checkPeriods() *RowError {
	r := &d.row
	if !r.BillingPeriodEnd.After(r.BillingPeriodStart) {
		return &RowError{Column: billingPeriodEnd, Message: "the billing period does not end after its start"}
	}
	if r.ChargePeriodEnd.Before(r.ChargePeriodStart) {
		return &RowError{Column: chargePeriodEnd, Message: "the charge period ends before its start"}
	}
	return nil
}

func (d *decoder) extraColumns() []string {
	var names []string
	for i, c := range d.columns {
		if c == nil {
			names = append(names, d.header[i])
		}
	}
	return names
}

// index returns the position of each column by its name in lower case, since
// databases that export FOCUS change the case.
func index(header []string) (map[string]int, error) {
	if len(header) > maxColumns {
		return nil, headerError("the header has %d columns, more than %d", len(header), maxColumns)
	}
	positions := make(map[string]int, len(header))
	for i, name := range header {
		key := strings.ToLower(name)
		if key == "" {
			return nil, headerError("column %d of the header has no name", i+1)
		}
		if first, twice := positions[key]; twice {
			return nil, headerError("column %.40q of the header is there twice, as column %d and %d", name, first+1, i+1)
		}
		positions[key] = i
	}
	return positions, nil
}

// find returns the position of the column. A file that has both names keeps the
// older one, which then may mean something else, as an extra column.
func (c column) find(positions map[string]int) (int, bool) {
	if i, ok := positions[strings.ToLower(c.name)]; ok {
		return i, true
	}
	i, ok := positions[strings.ToLower(c.alias)]
	return i, ok
}

// label returns both names of the column.
func (c column) label() string {
	if c.alias == "" {
		return c.name
	}
	return c.name + " (" + c.alias + ")"
}

// defaultsByName returns the defaults by the newest name of their columns.
func defaultsByName(defaults map[string]string) (map[string]string, error) {
	values := make(map[string]string, len(defaults))
	for name, value := range defaults {
		c, ok := columnNamed(name)
		if !ok {
			return nil, invalidDefault(name, "there is no such column")
		}
		if problem := notText(value); problem != "" {
			return nil, invalidDefault(name, problem)
		}
		if _, twice := values[c.name]; twice {
			return nil, invalidDefault(name, "it is given twice, under both names")
		}
		values[c.name] = value
	}
	return values, nil
}

func columnNamed(name string) (column, bool) {
	for _, c := range columns() {
		if strings.EqualFold(name, c.name) || strings.EqualFold(name, c.written()) {
			return c, true
		}
	}
	return column{}, false
}

// incomplete says which columns a file lacks, and why that may be.
func incomplete(header, missing []string) error {
	for _, separator := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(header[0], separator) {
			return headerError("the cells are separated by %q, not by commas", separator)
		}
	}
	return headerError("the header lacks %s", strings.Join(missing, ", "))
}

func headerError(format string, args ...any) error {
	return &FileError{Line: 1, Message: fmt.Sprintf(format, args...)}
}
