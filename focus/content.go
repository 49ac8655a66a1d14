package focus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"
)

const (
	bufferSize = 64 << 10
	// ratioGrace is how much may be decompressed before the ratio is looked
	// at: short files compress oddly.
	ratioGrace = 16 << 20
)

// content is the decompressed text of a file. It hashes what passes and stops
// before more passes than the bounds allow.
type content struct {
	raw  *countingReader // as stored, maybe compressed
	gzip bool
	src  io.Reader
	hash hash.Hash

	read     int64 // bytes passed on
	recordBy int64 // the value of read at which the current record is too long
	options  Options
	// suspect is set once a chunk was read that is not plainly text, be it
	// only that a character straddles its end: cells are checked from then on.
	suspect bool
	err     error // what src reported along with its last bytes
}

// openContent recognises a compressed file by its first bytes.
func openContent(r io.Reader, o Options) (*content, error) {
	raw := &countingReader{r: r}
	buffered := bufio.NewReaderSize(raw, bufferSize)
	c := &content{raw: raw, src: buffered, hash: sha256.New(), options: o}
	magic, err := buffered.Peek(len(gzipMagic))
	if err = c.failure(err); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != gzipMagic {
		return c, nil
	}
	c.gzip = true
	c.src, err = gzip.NewReader(buffered)
	if err != nil {
		return nil, c.failure(err)
	}
	return c, nil
}

// Read implements io.Reader. Its errors are *FileError, or those of the reader
// underneath.
func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.read >= c.recordBy {
		return 0, c.options.recordTooLong()
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.recordBy-c.read)])
	c.read += int64(n)
	c.hash.Write(p[:n])
	c.suspect = c.suspect || !utf8.Valid(p[:n]) || bytes.IndexByte(p[:n], 0) >= 0
	if c.err = c.failure(err); c.err == nil {
		c.err = c.excess()
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

// failure tells what is wrong with the file from what is wrong with reading it.
// The end of the file, and no error, it returns as they are.
func (c *content) failure(err error) error {
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // the end is never wrapped
		return err
	case errors.Is(err, io.EOF):
		// Not the end, but nobody above must take it for one.
		return fmt.Errorf("read usage file: %v", err) //nolint:errorlint // see above
	case c.raw.err != nil && !errors.Is(c.raw.err, io.EOF):
		return fmt.Errorf("read usage file: %w", c.raw.err)
	case !c.gzip || errors.Is(err, io.ErrNoProgress):
		return fmt.Errorf("read usage file: %w", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &FileError{Message: "the compressed data ends too early: the file is truncated"}
	default:
		return &FileError{Message: fmt.Sprintf("the compressed data is damaged: %v", err)}
	}
}

// excess returns an error if the file is larger than it may be.
func (c *content) excess() error {
	if c.read > c.options.MaxContentBytes {
		return &FileError{Message: fmt.Sprintf("the file holds more than %d bytes", c.options.MaxContentBytes)}
	}
	if c.gzip && c.read > ratioGrace && c.read/c.raw.n > c.options.MaxRatio {
		return &FileError{Message: fmt.Sprintf("the file is compressed by more than %d to 1", c.options.MaxRatio)}
	}
	return nil
}

// The first bytes of what is not the text of a CSV file.
const (
	gzipMagic    = "\x1f\x8b"
	bom          = "\xef\xbb\xbf"
	utf16Little  = "\xff\xfe"
	utf16Big     = "\xfe\xff"
	zipMagic     = "PK\x03\x04"
	parquetMagic = "PAR1"
)

// foreign says what a file is that does not start as a CSV file in UTF-8.
func foreign(head []byte) string {
	for _, f := range []struct{ magic, what string }{
		{utf16Little, "is in UTF-16, not in UTF-8"},
		{utf16Big, "is in UTF-16, not in UTF-8"},
		{gzipMagic, "is compressed twice"},
		{zipMagic, "is a ZIP archive or a spreadsheet, not CSV or CSV.gz"},
		{parquetMagic, "is in Parquet, not in CSV or CSV.gz"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return "the file " + f.what
		}
	}
	return ""
}

// countingReader counts the bytes that pass and remembers why they ended.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// ContentHash returns the SHA-256 of the decompressed content of a file without
// reading its rows: what Reader.ContentHash returns after the last of them.
func ContentHash(r io.Reader, o Options) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	c, err := openContent(r, o.withDefaults())
	if err != nil {
		return sum, err
	}
	c.recordBy = maxOffset
	if _, err := io.Copy(io.Discard, c); err != nil {
		return sum, err
	}
	c.hash.Sum(sum[:0])
	return sum, nil
}
