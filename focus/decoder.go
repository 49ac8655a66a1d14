package focus

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxColumns bounds the header; real files have some hundred columns.
const maxColumns = 4096

// decoder turns the records under one header into rows.
type decoder struct {
	layout   *layout
	header   []string
	fields   []field // in the order of the file
	extras   []extra // in the order of the file
	template Row     // the defaults
	memo     *memo
	bills    bills
	row      Row // the last that decode read
}

// field is an origin with its place in the file.
type field struct {
	origin    *origin
	at        []int // the first position that is not null is read
	mandatory bool
}

// extra is a column that goes to Row.Extra.
type extra struct {
	at   int
	name string
	when *bool // nil for always
}

// newDecoder finds out which column of the file is which. The error is a
// *FileError, or INVALID for an unusable default.
func newDecoder(header []string, defaults map[string]string) (*decoder, error) {
	d := &decoder{header: make([]string, len(header)), memo: newMemo(), bills: make(bills)}
	for i, name := range header {
		d.header[i] = unifyLineBreaks(name)
	}
	var err error
	if d.layout, err = recognise(d.header); err != nil {
		return nil, err
	}
	positions, err := index(d.header, d.layout.tag)
	if err != nil {
		return nil, err
	}
	d.place(positions)
	if err := d.placeTags(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(d.fields, func(a, b field) int { return a.at[0] - b.at[0] })
	d.placeExtras()
	return d, d.fill(defaults)
}

// place finds the columns of the layout in the file.
func (d *decoder) place(positions map[string]int) {
	for i := range d.layout.origins {
		o := &d.layout.origins[i]
		f := field{origin: o}
		for _, name := range o.names {
			if at, ok := positions[strings.ToLower(name)]; ok {
				f.at = append(f.at, at)
			}
		}
		if len(f.at) == 0 {
			continue
		}
		if !d.layout.isNative() {
			// A file that has both names keeps the older one, which then may mean
			// something else, as an extra column.
			f.at = f.at[:1]
		}
		f.mandatory = slices.ContainsFunc(o.gives, isMandatory)
		d.fields = append(d.fields, f)
	}
}

// placeTags finds the columns each of which is a tag. A file that has all tags
// in one column has none.
func (d *decoder) placeTags() error {
	if d.layout.tag == nil || d.given(tagsColumn) {
		return nil
	}
	keys := make(map[string]bool)
	for i, name := range d.header {
		key, ok := d.layout.tag(name)
		if !ok {
			continue
		}
		if keys[key] {
			return headerError("the tag %.40q has two columns in the header", key)
		}
		keys[key] = true
		d.fields = append(d.fields, field{at: []int{i}, origin: &origin{
			names: []string{name}, gives: []string{tagsColumn},
			read: func(_ *memo, r *Row, cell string) error {
				if r.Tags == nil {
					r.Tags = make(map[string]string)
				}
				r.Tags[key] = unifyLineBreaks(cell)
				return nil
			},
		}})
	}
	return nil
}

// placeExtras finds the columns that no field reads, or that are kept although
// one does. A column that only stands in for another is kept.
func (d *decoder) placeExtras() {
	all := make([]extra, len(d.header))
	read := make([]bool, len(d.header))
	for _, f := range d.fields {
		for i, at := range f.at {
			if i == 0 {
				read[at] = read[at] || f.origin.kept == keptNever
				all[at].when = f.origin.when
			}
		}
	}
	taken := newColumnSet(d.header)
	for i, name := range d.header {
		if !read[i] {
			all[i].at, all[i].name = i, d.extraName(name, taken)
			d.extras = append(d.extras, all[i])
		}
	}
}

// extraName returns the name of a column in Row.Extra. In a provider's own file
// it gets the prefix of custom columns if FOCUS means something else by it, or
// if it would make the written file one of two formats.
func (d *decoder) extraName(name string, taken columnSet) string {
	_, ours := columnNamed(name)
	if !d.layout.isNative() || !ours && !costColumns()[strings.ToLower(name)] {
		return name
	}
	for name = customPrefix + name; taken[strings.ToLower(name)]; {
		name = customPrefix + name
	}
	taken[strings.ToLower(name)] = true
	return name
}

// customPrefix marks the columns that are not of FOCUS.
const customPrefix = "x_"

// fill sets what every row has unless a column of the file says otherwise.
func (d *decoder) fill(defaults map[string]string) error {
	values, err := defaultsByName(defaults)
	if err != nil {
		return err
	}
	var missing []string
	for _, c := range columns() {
		constant, always := d.layout.constants[c.name]
		if always {
			if err := c.read(newMemo(), &d.template, constant); err != nil {
				return fmt.Errorf("constant of column %s: %w", c.name, err)
			}
		}
		if d.given(c.name) {
			continue
		}
		value, ok := values[c.name]
		switch {
		case ok && !isNull(value):
			// The memo of the file may know other ways to write the same.
			if err := c.read(newMemo(), &d.template, value); err != nil {
				return invalidDefault(c.name, err.Error())
			}
		case c.mandatory && !always:
			missing = append(missing, d.layout.label(c))
		}
	}
	if len(missing) > 0 {
		return d.incomplete(missing)
	}
	return nil
}

// given reports whether a column of the file gives one of FOCUS.
func (d *decoder) given(name string) bool {
	return slices.ContainsFunc(d.fields, func(f field) bool { return slices.Contains(f.origin.gives, name) })
}

// columnOf returns the name in the file of a column of FOCUS or of the layout;
// the name itself if the file has none.
func (d *decoder) columnOf(name string) string {
	for _, f := range d.fields {
		if slices.Contains(f.origin.gives, name) || slices.Contains(f.origin.names, name) {
			return d.header[f.at[0]]
		}
	}
	return name
}

// decode reads the record into d.row, or says what is wrong with it.
func (d *decoder) decode(record []string) *RowError {
	if len(record) != len(d.header) {
		return &RowError{Message: fmt.Sprintf("the row has %d cells, the header %d", len(record), len(d.header))}
	}
	d.row = d.template
	if d.layout.reset != nil {
		d.layout.reset()
	}
	for i := range d.fields {
		if bad := d.read(&d.fields[i], record); bad != nil {
			return bad
		}
	}
	if bad := d.settle(); bad != nil {
		bad.Column = d.columnOf(bad.Column)
		return bad
	}
	d.row.Extra = d.extra(record)
	return nil
}

// read reads the first cell of a field that is not null.
func (d *decoder) read(f *field, record []string) *RowError {
	for _, at := range f.at {
		if isNull(record[at]) {
			continue
		}
		if err := f.origin.read(d.memo, &d.row, record[at]); err != nil {
			return &RowError{Column: d.header[at], Message: err.Error()}
		}
		return nil
	}
	if f.mandatory {
		return &RowError{Column: d.header[f.at[0]], Message: "the value is missing"}
	}
	return nil
}

// settle gives what rests on several cells and checks what no cell shows alone.
func (d *decoder) settle() *RowError {
	if d.layout.settle != nil {
		if bad := d.layout.settle(&d.row); bad != nil {
			return bad
		}
	}
	if bad := checkPeriods(&d.row); bad != nil || !d.layout.isNative() {
		return bad
	}
	return d.bills.check(&d.row)
}

// extra returns the cells of the extra columns that are not null.
func (d *decoder) extra(record []string) []Field {
	n := 0
	for _, e := range d.extras {
		if e.has(record) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	fields := make([]Field, 0, n)
	for _, e := range d.extras {
		if e.has(record) {
			fields = append(fields, Field{Name: e.name, Value: unifyLineBreaks(record[e.at])})
		}
	}
	return fields
}

func (e *extra) has(record []string) bool { return !isNull(record[e.at]) && (e.when == nil || *e.when) }

func checkPeriods(r *Row) *RowError {
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
	for _, e := range d.extras {
		names = append(names, e.name)
	}
	return names
}

// repeatsHeader reports whether a record of a provider's own file is the header
// once more, with or without a byte order mark: providers deliver a bill in
// parts, which may have been put behind one another.
func (d *decoder) repeatsHeader(record []string) bool {
	return d.layout.isNative() && len(record) == len(d.header) &&
		strings.TrimPrefix(record[0], bom) == d.header[0] && slices.Equal(record[1:], d.header[1:])
}

// index returns the position of each column by its name in lower case, since
// databases that export FOCUS change the case. Columns that are tags keep
// theirs, which is part of the key.
func index(header []string, tag func(string) (string, bool)) (map[string]int, error) {
	if len(header) > maxColumns {
		return nil, headerError("the header has %d columns, more than %d", len(header), maxColumns)
	}
	positions := make(map[string]int, len(header))
	for i, name := range header {
		key := strings.ToLower(name)
		if tag != nil {
			if _, ok := tag(name); ok {
				key = name
			}
		}
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

// columnNamed returns the column of FOCUS with this name, in any case and of any
// version.
func columnNamed(name string) (column, bool) {
	c, ok := columnsByName()[strings.ToLower(name)]
	return c, ok
}

var columnsByName = sync.OnceValue(func() map[string]column { //nolint:gochecknoglobals // never changes
	byName := make(map[string]column)
	for _, c := range columns() {
		byName[strings.ToLower(c.name)] = c
		byName[strings.ToLower(c.written())] = c
	}
	return byName
})

// incomplete says which columns a file lacks, and why that may be.
func (d *decoder) incomplete(missing []string) error {
	for _, separator := range []string{";", "\t", "|"} {
		if len(d.header) == 1 && strings.Contains(d.header[0], separator) {
			return headerError("the cells are separated by %q, not by commas", separator)
		}
	}
	list := strings.Join(missing, ", ")
	if there, _ := d.layout.coverage(newColumnSet(d.header)); there == 0 {
		return headerError("the header is that of no known format; for FOCUS it lacks %s", list)
	}
	return headerError("the header is nearest to %s and lacks %s", d.layout.format, list)
}

func headerError(format string, args ...any) error {
	return &FileError{Line: 1, Message: fmt.Sprintf(format, args...)}
}
