package focus

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/headwater-platform/headwater/fault"
)

// Bounds of a file where Options name none.
const (
	DefaultMaxRecordBytes  = 1 << 20  // 1 MiB
	DefaultMaxContentBytes = 64 << 30 // 64 GiB
	DefaultMaxRatio        = 400
)

// Options are what a Reader needs to know beside the file. The zero value is
// usable.
type Options struct {
	// Defaults are the values of columns that the file does not have, by the
	// name of the column in any version of FOCUS. A column that the file has
	// keeps its nulls.
	Defaults map[string]string
	// MaxRecordBytes bounds one record, blank lines before it included.
	MaxRecordBytes int64
	// MaxContentBytes bounds the decompressed file.
	MaxContentBytes int64
	// MaxRatio bounds how many times larger than itself a compressed file may
	// become. The first 16 MiB are free.
	MaxRatio int64
}

func (o Options) withDefaults() Options {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	o.MaxRecordBytes = min(o.MaxRecordBytes, DefaultMaxContentBytes)
	if o.MaxContentBytes <= 0 {
		o.MaxContentBytes = DefaultMaxContentBytes
	}
	if o.MaxRatio <= 0 {
		o.MaxRatio = DefaultMaxRatio
	}
	return o
}

func (o Options) recordTooLong() error {
	return &FileError{Message: fmt.Sprintf("the record is longer than %d bytes", o.MaxRecordBytes)}
}

// Reader reads the rows of one file in order. It is not safe for concurrent
// use; the rows it returned stay valid.
type Reader struct {
	records *records
	decoder *decoder
	err     error // ends the file
}

// NewReader reads the header of a CSV or gzip-compressed CSV file in UTF-8,
// with or without a byte order mark, and recognises its format by that. The
// error is a *FileError if the file is none, or lacks a mandatory column that
// has no default; INVALID if a default is unusable; else that of r.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	o = o.withDefaults()
	rs, err := openRecords(r, o)
	if err != nil {
		return nil, err
	}
	header, err := rs.read()
	if errors.Is(err, io.EOF) {
		return nil, &FileError{Message: "the file has no header"}
	}
	if err != nil {
		return nil, err
	}
	d, err := newDecoder(header, o.Defaults)
	if err != nil {
		return nil, err
	}
	return &Reader{records: rs, decoder: d}, nil
}

// Next returns the next row, or io.EOF behind the last. A *RowError is about
// this row only: the call after it returns the row that follows. Every other
// error ends the file and is returned again: a *FileError if the file is at
// fault, else that of the reader underneath.
func (r *Reader) Next() (Row, error) {
	if r.err != nil {
		return Row{}, r.err
	}
	record, err := r.records.read()
	for err == nil && r.decoder.repeatsHeader(record) {
		record, err = r.records.read()
	}
	if err != nil {
		r.err = err
		return Row{}, err
	}
	if bad := r.decoder.decode(record); bad != nil {
		bad.Line = r.records.line
		return Row{}, bad
	}
	row := r.decoder.row
	row.Line = r.records.line
	return row, nil
}

// Format returns the format of the file.
func (r *Reader) Format() Format { return r.decoder.layout.format }

// Column returns the name in the file's header of the column that a column of
// FOCUS, by its newest name, is read from: a provider's own file has another
// name for it. It is the name itself if no column of the file is.
func (r *Reader) Column(name string) string { return r.decoder.columnOf(name) }

// ExtraColumns returns the names of the columns whose cells go to Row.Extra, in
// the order of the file. Of a provider's own file, columns that FOCUS has under
// the same name with another meaning, and the cost column, which is kept where
// it is not what is billed, are there with the prefix x_.
func (r *Reader) ExtraColumns() []string { return r.decoder.extraColumns() }

// BytesRead returns how much of the file, as it is stored, has been read: the
// progress against its size.
func (r *Reader) BytesRead() int64 { return r.records.content.raw.n }

// ContentBytes returns how much decompressed text has been read.
func (r *Reader) ContentBytes() int64 { return r.records.content.read }

// ContentHash returns the SHA-256 of the decompressed content, by which the
// same file is known again however it was compressed. It is false until Next
// has returned io.EOF.
func (r *Reader) ContentHash() (sum [sha256.Size]byte, ok bool) {
	if !errors.Is(r.err, io.EOF) {
		return sum, false
	}
	r.records.content.hash.Sum(sum[:0])
	return sum, true
}

// invalidDefault is the fault of an unusable Options.Defaults.
func invalidDefault(name, message string) error {
	return fault.Invalidf("defaults", "default of column %s: %s", name, message)
}
