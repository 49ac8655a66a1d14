package jobs

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/fault"
)

// TestEveryTransition tries each step in each state.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	possible := map[Status]map[step]Status{
		Pending: {finishing: Done, postponing: Pending, givingUp: Failed},
		Failed:  {retrying: Pending},
	}
	for _, from := range []Status{Pending, Done, Failed} {
		for _, s := range []step{finishing, postponing, givingUp, retrying} {
			want, isPossible := possible[from][s]
			got, err := next(from, s)
			switch {
			case isPossible && (err != nil || got != want):
				t.Errorf("to %s what is %s leads to %q, %v; want %s", s, from, got, err, want)
			case !isPossible && fault.CodeOf(err) != fault.Conflict:
				t.Errorf("to %s what is %s leads to %q, %v", s, from, got, err)
			}
		}
	}
}

func TestDelaysGrowWithinADay(t *testing.T) {
	t.Parallel()
	var total time.Duration
	for attempt, want := range map[int]time.Duration{
		1: time.Minute, 2: 2 * time.Minute, 3: 4 * time.Minute, 9: 256 * time.Minute, 10: 6 * time.Hour, 11: 6 * time.Hour, 100: 6 * time.Hour,
	} {
		if got := delayAfter(attempt); got != want {
			t.Errorf("after %d attempts: %s, want %s", attempt, got, want)
		}
	}
	for attempt := 1; attempt < maxAttempts; attempt++ {
		total += delayAfter(attempt)
	}
	if total > 24*time.Hour || total < 12*time.Hour {
		t.Errorf("a job is tried for %s", total)
	}
}

func TestErrorsAreKeptShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\n b\tc": "a b c",
		"a\xffb":   "a�b",
		"":         "",
	} {
		if got := textOf(errors.New(text)); got != want {
			t.Errorf("%q is kept as %q, want %q", text, got, want)
		}
	}
	for _, unit := range []string{"x", "ü", "漢", "😀"} {
		got := textOf(errors.New(strings.Repeat(unit, maxError+1)))
		if len(got) > maxError || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") || len(got) < maxError-len(unit) {
			t.Errorf("%d bytes are left: …%q", len(got), got[len(got)-9:])
		}
	}
	if textOf(nil) != "" {
		t.Error("no error has a text")
	}
}
