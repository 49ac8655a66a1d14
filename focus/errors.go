package focus

import (
	"fmt"

	"github.com/headwater-platform/headwater/fault"
)

// fileField is the input field that a refused file belongs to.
const fileField = "file"

// RowError says that one row is bad. Reading may go on after it, for an import
// that skips bad rows. As a fault it is INVALID.
type RowError struct {
	Line    int    // the physical line, from 1, on which the record starts
	Column  string // the name in the file's header; "" if the whole row is meant
	Message string
}

// Error returns the place and the message.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Message)
}

// Unwrap returns the fault to show to a client.
func (e *RowError) Unwrap() error { return fault.Invalidf(fileField, "%s", e.Error()) }

// FileError says that the file cannot be read, or not any further: nothing
// behind the place it names can be trusted. As a fault it is INVALID.
type FileError struct {
	Line    int // the physical line, from 1; 0 if the whole file is meant
	Column  int // the byte in the line, from 1; 0 if the whole line is meant
	Message string
}

// Error returns the place and the message.
func (e *FileError) Error() string {
	switch {
	case e.Line == 0:
		return e.Message
	case e.Column == 0:
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	default:
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
}

// Unwrap returns the fault to show to a client.
func (e *FileError) Unwrap() error { return fault.Invalidf(fileField, "%s", e.Error()) }
