package waterfall

import (
	"errors"
	"strconv"
	"strings"
)

// duration is the units of an ISO 8601 duration: days, hours, minutes, seconds.
// There are no months and no years, whose length depends on a calendar; a day
// is 24 hours. Units stay as they were written: PT24H is not rewritten to P1D,
// though the two are equal.
type duration [4]int64

var errDuration = errors.New("must be an ISO 8601 duration in weeks, days, hours, minutes and seconds, such as P30D or PT8H, and at most P100000D")

// The longest duration.
const (
	maxDays    = 100_000
	maxSeconds = maxDays * 24 * 60 * 60
)

// daysInWeek converts weeks, which ISO 8601 lets stand only alone.
const daysInWeek = 7

// parseDuration reads an ISO 8601 duration.
func parseDuration(text string) (duration, error) {
	rest, found := strings.CutPrefix(text, "P")
	date, clock, timed := strings.Cut(rest, "T")
	if !found || (date == "" && !timed) || (timed && clock == "") {
		return duration{}, errDuration
	}
	var d duration
	var err error
	if weeks, only := strings.CutSuffix(rest, "W"); only {
		if d[0], err = parseUnit(weeks); err != nil || d[0]*daysInWeek > maxDays {
			return duration{}, errDuration
		}
		d[0] *= daysInWeek
		return d, nil
	}
	if err := d.read(date, "D", 0); err != nil {
		return duration{}, err
	}
	if err := d.read(clock, "HMS", 1); err != nil || d.seconds() > maxSeconds {
		return duration{}, errDuration
	}
	return d, nil
}

// wholeDuration returns seconds as whole days if they are, else as hours,
// minutes and seconds.
func wholeDuration(seconds int64) duration {
	const day = 24 * 60 * 60
	if seconds%day == 0 {
		return duration{seconds / day}
	}
	return duration{0, seconds / 3600, seconds / 60 % 60, seconds % 60}
}

func (d duration) seconds() int64 { return ((d[0]*24+d[1])*60+d[2])*60 + d[3] }

// String returns the duration without its empty units.
func (d duration) String() string {
	if d.seconds() == 0 {
		return "PT0S"
	}
	b := []byte("P")
	if d[0] > 0 {
		b = append(strconv.AppendInt(b, d[0], 10), 'D')
	}
	if d[1]+d[2]+d[3] > 0 {
		b = append(b, 'T')
	}
	for i, n := range d[1:] {
		if n > 0 {
			b = append(strconv.AppendInt(b, n, 10), "HMS"[i])
		}
	}
	return string(b)
}

// read takes numbers followed by their letters, which come in order and at most
// once, into the units from first on.
func (d *duration) read(text, letters string, first int) error {
	for text != "" {
		end := strings.IndexAny(text, letters)
		if end < 0 {
			return errDuration
		}
		n, err := parseUnit(text[:end])
		if err != nil {
			return err
		}
		at := strings.IndexByte(letters, text[end])
		d[first+at] = n
		first, letters, text = first+at+1, letters[at+1:], text[end+1:]
	}
	return nil
}

func parseUnit(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n > maxSeconds {
		return 0, errDuration
	}
	return int64(n), nil
}
