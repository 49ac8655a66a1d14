package focus

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// maxOffset is the offset that no file reaches.
const maxOffset = math.MaxInt64

// records reads the records of a CSV file whatever their columns mean. Its
// errors are io.EOF, *FileError, or those of the reader underneath.
type records struct {
	content *content
	csv     *csv.Reader
	line    int // of the record that was read last
	next    int // the first line behind it
}

func openRecords(r io.Reader, o Options) (*records, error) {
	c, err := openContent(r, o)
	if err != nil {
		return nil, err
	}
	c.recordBy = o.MaxRecordBytes + bufferSize
	text := bufio.NewReaderSize(c, bufferSize)
	head, err := text.Peek(len(zipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) == 0 {
		return nil, &FileError{Message: "the file is empty"}
	}
	if what := foreign(head); what != "" {
		return nil, &FileError{Message: what}
	}
	rs := &records{content: c, next: 1}
	if strings.HasPrefix(string(head), bom) {
		if _, err := text.Discard(len(bom)); err != nil {
			return nil, err
		}
	}
	// csv reads from a bufio.Reader of this size without a buffer of its own,
	// so that no more than bufferSize is read ahead of a record.
	rs.csv = csv.NewReader(text)
	rs.csv.FieldsPerRecord = -1
	rs.csv.ReuseRecord = true
	return rs, nil
}

// read returns the next record. The slice, but not its cells, is reused.
func (rs *records) read() ([]string, error) {
	start := rs.csv.InputOffset()
	limit := rs.content.options.MaxRecordBytes
	// What the buffer holds may be read already and belong to this record.
	rs.content.recordBy = start + limit + bufferSize
	record, err := rs.csv.Read()
	if err != nil {
		return nil, rs.locate(err)
	}
	rs.line, _ = rs.csv.FieldPos(0)
	if rs.csv.InputOffset()-start > limit {
		return nil, rs.locate(rs.content.options.recordTooLong())
	}
	if rs.content.suspect {
		if err := rs.checkText(record); err != nil {
			return nil, err
		}
	}
	last := len(record) - 1
	line, _ := rs.csv.FieldPos(last)
	rs.next = line + strings.Count(record[last], "\n") + 1
	return record, nil
}

// checkText returns an error if a cell is not text that a database can keep.
func (rs *records) checkText(record []string) error {
	for i, cell := range record {
		if problem := notText(cell); problem != "" {
			line, column := rs.csv.FieldPos(i)
			return &FileError{Line: line, Column: column, Message: problem}
		}
	}
	return nil
}

// locate says where in the file an error of csv or of the content arose.
func (rs *records) locate(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &FileError{Line: parse.Line, Column: parse.Column, Message: describe(parse)}
	}
	var file *FileError
	if errors.As(err, &file) {
		return &FileError{Line: rs.next, Message: file.Message}
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("line %d: %w", rs.next, err)
}

func describe(e *csv.ParseError) string {
	if errors.Is(e.Err, csv.ErrBareQuote) {
		return "a quote stands inside a cell that does not start with one"
	}
	return fmt.Sprintf("a quoted cell of the record that starts on line %d is not closed, "+
		"or text follows its closing quote", e.StartLine)
}

// notText says why a cell is not text in UTF-8 without NUL, which PostgreSQL
// does not keep.
func notText(cell string) string {
	switch {
	case cell == "":
		return ""
	case !utf8.ValidString(cell):
		return "the text is not in UTF-8"
	case strings.IndexByte(cell, 0) >= 0:
		return "the text holds a NUL character; is the file in UTF-16?"
	default:
		return ""
	}
}
