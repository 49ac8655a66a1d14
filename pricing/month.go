package pricing

import (
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// Month is a calendar month in UTC. Months are ordered by < and counted by +
// and −; the zero Month is no month.
type Month int32

const monthLayout = "2006-01"

// ParseMonth reads a month such as "2026-11". The error is INVALID; its Field
// is for the caller.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil || t.Year() < 1 {
		return 0, fault.Invalidf("", "a month is written as in 2026-11")
	}
	return MonthOf(t), nil
}

// MonthOf returns the month that the instant lies in, in UTC.
func MonthOf(t time.Time) Month {
	year, month, _ := t.UTC().Date()
	return Month(year*12 + int(month) - 1) //nolint:gosec // years have four digits
}

// Start returns the first instant of the month.
func (m Month) Start() time.Time {
	return time.Date(int(m/12), time.Month(m%12+1), 1, 0, 0, 0, 0, time.UTC)
}

// Next returns the month after m.
func (m Month) Next() Month { return m + 1 }

// Prev returns the month before m.
func (m Month) Prev() Month { return m - 1 }

// IsZero reports whether m is no month.
func (m Month) IsZero() bool { return m == 0 }

// String returns the month as ParseMonth reads it, "" for no month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Start().Format(monthLayout)
}

// MarshalText returns what String returns.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText sets m as ParseMonth does, and to no month from "".
func (m *Month) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = 0
		return nil
	}
	parsed, err := ParseMonth(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// MonthFor returns the month whose rules price a line: that of the billing
// period, but for a correction that in which the corrected charge was made.
func MonthFor(class ChargeClass, billingPeriodStart, chargePeriodStart time.Time) Month {
	if class == Correction {
		return MonthOf(chargePeriodStart)
	}
	return MonthOf(billingPeriodStart)
}
