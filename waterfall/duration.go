package waterfall

import (
	"errors"
	"strconv"
	"strings"
)

// The seconds in each unit of a duration. There are no months and no years:
// their length depends on a calendar.
const (
	minute int64 = 60
	hour         = 60 * minute
	day          = 24 * hour
	week         = 7 * day
)

// maxSeconds bounds a duration to a hundred thousand days.
const maxSeconds = 100_000 * day

var errDuration = errors.New("must be an ISO 8601 duration in weeks, days, hours, minutes and seconds, such as P30D or PT8H, and at most P100000D")

// parseDuration reads an ISO 8601 duration into seconds.
func parseDuration(text string) (int64, error) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return 0, errDuration
	}
	date, clock, timed := strings.Cut(rest, "T")
	if (date == "" && !timed) || (timed && clock == "") {
		return 0, errDuration
	}
	days, err := sumUnits(date, "WD", []int64{week, day})
	if err != nil || (strings.Contains(date, "W") && strings.Contains(rest, "D")) || (strings.Contains(date, "W") && timed) {
		return 0, errDuration // weeks stand alone
	}
	seconds, err := sumUnits(clock, "HMS", []int64{hour, minute, 1})
	if err != nil || days+seconds > maxSeconds {
		return 0, errDuration
	}
	return days + seconds, nil
}

// formatDuration writes seconds in the shortest form of days, hours, minutes
// and seconds.
func formatDuration(seconds int64) string {
	if seconds == 0 {
		return "PT0S"
	}
	b := []byte("P")
	if days := seconds / day; days > 0 {
		b = append(strconv.AppendInt(b, days, 10), 'D')
	}
	seconds %= day
	if seconds == 0 {
		return string(b)
	}
	b = append(b, 'T')
	for i, unit := range []int64{hour, minute, 1} {
		if n := seconds / unit; n > 0 {
			b = append(strconv.AppendInt(b, n, 10), "HMS"[i])
		}
		seconds %= unit
	}
	return string(b)
}

// sumUnits adds numbers followed by their letters, which must come in order
// and at most once.
func sumUnits(text, letters string, lengths []int64) (int64, error) {
	var sum int64
	for text != "" {
		end := strings.IndexAny(text, letters)
		if end < 1 || end > 9 {
			return 0, errDuration
		}
		n, err := strconv.ParseUint(text[:end], 10, 32)
		if err != nil {
			return 0, errDuration
		}
		at := strings.IndexByte(letters, text[end])
		sum += int64(n) * lengths[at]
		letters, lengths, text = letters[at+1:], lengths[at+1:], text[end+1:]
	}
	return sum, nil
}
