package focus

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/fault"
)

// WriterOptions say what a Writer writes beside the columns of Row.
type WriterOptions struct {
	// Gzip compresses the file.
	Gzip bool
	// Extra names the columns of Row.Extra that are written, in this order.
	// Cells of other columns are left out: they may reveal a seller's cost.
	Extra []string
}

// Writer writes rows as a CSV file with the columns of FOCUS 1.0 to 1.2; those that
// 1.3 has renamed have their older names. What it accepts, a Reader returns
// unchanged, but for line breaks inside texts, which become line feeds, and for
// the texts NULL and (null), which mean null and become empty cells. It is not
// safe for concurrent use.
type Writer struct {
	csv     *csv.Writer
	gzip    *gzip.Writer // nil if the file is not compressed
	columns []column
	extra   []string
	record  []string
	check   *decoder
}

// NewWriter writes the header. The error is INVALID if an extra column has no
// usable name, or that of a column which is written anyway; else that of w.
func NewWriter(w io.Writer, o WriterOptions) (*Writer, error) {
	out := &Writer{columns: columns(), extra: o.Extra}
	for _, c := range out.columns {
		out.record = append(out.record, c.written())
	}
	for _, name := range o.Extra {
		if err := checkExtra(name); err != nil {
			return nil, err
		}
		out.record = append(out.record, name)
	}
	check, err := newDecoder(out.record, nil)
	if err != nil {
		return nil, fault.Invalidf("extra", "%s", err.Error())
	}
	out.check = check
	if o.Gzip {
		out.gzip = gzip.NewWriter(w)
		w = out.gzip
	}
	out.csv = csv.NewWriter(w)
	if err := out.csv.Write(out.record); err != nil {
		return nil, fmt.Errorf("write usage file: %w", err)
	}
	return out, nil
}

// Write writes a row. It refuses, with a *RowError of line 0, a row that a
// Reader would refuse, and writes nothing of it.
func (w *Writer) Write(r *Row) error {
	for i, c := range w.columns {
		w.record[i] = cellOf(c.write(r))
	}
	for i, name := range w.extra {
		w.record[len(w.columns)+i] = cellOf(valueOf(r.Extra, name))
	}
	if bad := w.refuses(r); bad != nil {
		return bad
	}
	if err := w.csv.Write(w.record); err != nil {
		return fmt.Errorf("write usage file: %w", err)
	}
	return nil
}

// Close writes what is buffered. It does not close the writer underneath.
func (w *Writer) Close() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("write usage file: %w", err)
	}
	if w.gzip == nil {
		return nil
	}
	if err := w.gzip.Close(); err != nil {
		return fmt.Errorf("write usage file: %w", err)
	}
	return nil
}

// refuses returns what a Reader would say to the record of the row.
func (w *Writer) refuses(r *Row) *RowError {
	for i, cell := range w.record {
		if problem := notText(cell); problem != "" {
			return &RowError{Column: w.check.header[i], Message: problem}
		}
	}
	// JSON replaces what is not UTF-8, so the cell does not show it.
	for key, value := range r.Tags {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return &RowError{Column: "Tags", Message: "a tag is not in UTF-8"}
		}
	}
	return w.check.decode(w.record)
}

// cellOf returns the cell of a text, so that what is read and written again is the
// same.
func cellOf(text string) string {
	if isNull(text) {
		return ""
	}
	return unifyLineBreaks(text)
}

func valueOf(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func checkExtra(name string) error {
	if c, ok := columnNamed(name); ok {
		return fault.Invalidf("extra", "%s is written as %s anyway", name, c.written())
	}
	if message := notText(name); message != "" || strings.ContainsRune(name, '\r') {
		return fault.Invalidf("extra", "%q is not the name of a column", name)
	}
	return nil
}
