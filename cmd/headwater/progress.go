package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress shows on a terminal how far long work has come, in one line that
// changes. Elsewhere it shows nothing.
type progress struct {
	out io.Writer // nil where there is no terminal

	mu    sync.Mutex
	shown time.Time
	drawn bool
}

// newProgress shows progress on the writer if that is a terminal.
func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{out: w}
}

// refresh is the time between two lines, so that drawing costs nothing.
const refresh = 100 * time.Millisecond

// line replaces the line, unless it was replaced just now.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || time.Since(p.shown) < refresh {
		return
	}
	p.shown, p.drawn = time.Now(), true
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
}

// clear takes the line away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
