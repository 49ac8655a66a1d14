package people

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/fault"
)

// maxLines is how many people a sheet lists at most.
const maxLines = 10_000

// The columns of a sheet. The first two are needed.
const (
	columnUsername = "username"
	columnEmail    = "email"
	columnName     = "name"
	columnGroups   = "groups"
	columnTags     = "tags"
)

func columns() []string {
	return []string{columnUsername, columnEmail, columnName, columnGroups, columnTags}
}

// sheetLine is what a line of a sheet says of a person.
type sheetLine struct {
	// number is the line of the text on which the record begins, from 1.
	number                int
	username, email, name string
	groups, tags          []string
	// fault is why the line cannot be read.
	fault *fault.Error
}

// readSheet reads comma-separated values as RFC 4180 describes them, also with
// semicolons or tabs. The first line names the columns, in any order and case.
// Groups and tags are several in a field, between semicolons or bars. Lines
// without any text are left out. INVALID for a text that is no such sheet and for
// one that lists nobody or more than 10,000 people; a line that has too few or
// too many fields has a fault of its own.
func readSheet(text string) ([]sheetLine, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) {
		return nil, fault.Invalidf("csv", "the text is not UTF-8")
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = delimiterOf(text)
	reader.FieldsPerRecord = -1
	reader.TrimLeadingSpace = true
	head, err := reader.Read()
	if err != nil {
		return nil, unreadable(err)
	}
	head, err = readHead(head)
	if err != nil {
		return nil, err
	}
	var lines []sheetLine
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if !slices.ContainsFunc(record, func(field string) bool { return strings.TrimSpace(field) != "" }) {
			continue
		}
		if len(lines) == maxLines {
			return nil, fault.Invalidf("csv", "a sheet lists at most %d people", maxLines)
		}
		number, _ := reader.FieldPos(0)
		lines = append(lines, readLine(number, head, record))
	}
	if len(lines) == 0 {
		return nil, fault.Invalidf("csv", "the sheet lists nobody")
	}
	return lines, nil
}

// delimiterOf returns what separates the names of the columns.
func delimiterOf(text string) rune {
	head, _, _ := strings.Cut(text, "\n")
	best, most := ',', 0
	for _, r := range ",;\t" {
		if n := strings.Count(head, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}

// unreadable says where a text stops being a sheet.
func unreadable(err error) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return fault.Invalidf("csv", "line %d cannot be read: %s", parse.Line, parse.Err)
	case errors.Is(err, io.EOF):
		return fault.Invalidf("csv", "the first line names the columns %s", strings.Join(columns(), ", "))
	}
	return err
}

// readHead returns the names of the columns in lower case.
func readHead(record []string) ([]string, error) {
	head := make([]string, len(record))
	for i, name := range record {
		head[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns(), head[i]) {
			return nil, fault.Invalidf("csv", "%q is no column; there are %s", head[i], strings.Join(columns(), ", "))
		}
		if slices.Contains(head[:i], head[i]) {
			return nil, fault.Invalidf("csv", "the column %s is there twice", head[i])
		}
	}
	for _, name := range []string{columnUsername, columnEmail} {
		if !slices.Contains(head, name) {
			return nil, fault.Invalidf("csv", "the column %s is missing", name)
		}
	}
	return head, nil
}

func readLine(number int, head, record []string) sheetLine {
	l := sheetLine{number: number}
	for i, field := range record[:min(len(record), len(head))] {
		field = strings.TrimSpace(field)
		switch head[i] {
		case columnUsername:
			l.username = field
		case columnEmail:
			l.email = field
		case columnName:
			l.name = field
		case columnGroups:
			l.groups = partsOf(field)
		case columnTags:
			l.tags = partsOf(field)
		}
	}
	if len(record) != len(head) {
		l.fault = fault.New(fault.Invalid, "the line has %d fields, and there are %d columns", len(record), len(head))
	}
	return l
}

// partsOf returns the texts between semicolons or bars.
func partsOf(field string) []string {
	var parts []string
	for part := range strings.FieldsFuncSeq(field, func(r rune) bool { return r == ';' || r == '|' }) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
