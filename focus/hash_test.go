package focus

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestContentHashIsThatOfTheDecompressedText(t *testing.T) {
	t.Parallel()
	content := "\ufeff" + file(plain(nil), plain(cells{"BilledCost": "bad"}), plain(nil)) + "\n"
	want := sha256.Sum256([]byte(content))
	packed := compressed(t, content)
	for name, stored := range map[string]string{
		"plain": content, "gzip": packed, "gzip in two members": compressed(t, content[:50], content[50:]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := NewReader(strings.NewReader(stored), Options{})
			if err != nil {
				t.Fatal(err)
			}
			rows, last := 0, int64(0)
			for {
				if _, ok := r.ContentHash(); ok {
					t.Fatal("there is a hash before the end")
				}
				_, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if r.BytesRead() < last {
					t.Errorf("the progress goes back from %d to %d", last, r.BytesRead())
				}
				last = r.BytesRead()
				rows++
			}
			if got, ok := r.ContentHash(); !ok || got != want || rows != 3 {
				t.Errorf("got %x after %d rows, want %x after 3", got, rows, want)
			}
			if r.BytesRead() != int64(len(stored)) || r.ContentBytes() != int64(len(content)) {
				t.Errorf("read %d of %d bytes, decompressed %d of %d",
					r.BytesRead(), len(stored), r.ContentBytes(), len(content))
			}
			alone, err := ContentHash(strings.NewReader(stored), Options{})
			if err != nil || alone != want {
				t.Errorf("the hash alone is %x, %v", alone, err)
			}
		})
	}
}

func TestContentHashReportsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	packed := compressed(t, file(plain(nil)))
	var file *FileError
	if _, err := ContentHash(strings.NewReader(packed[:40]), Options{}); !errors.As(err, &file) {
		t.Errorf("got %v for a truncated file", err)
	}
	if _, err := ContentHash(strings.NewReader(packed[:5]), Options{}); !errors.As(err, &file) {
		t.Errorf("got %v for a truncated header", err)
	}
	broken := errors.New("connection lost")
	if _, err := ContentHash(iotest.ErrReader(broken), Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
