package pricing_test

import (
	"testing"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/pricing"
)

func TestMonth(t *testing.T) {
	t.Parallel()
	december := month(t, "2026-12")
	for want, got := range map[string]pricing.Month{
		"2026-12": december,
		"2027-01": december.Next(),
		"2026-11": december.Prev(),
		"0001-01": month(t, "0001-01"),
		"9999-12": month(t, "9999-12"),
	} {
		if got.String() != want || got.Start().Format(time.RFC3339) != want+"-01T00:00:00Z" {
			t.Errorf("got %s starting %s, want %s", got, got.Start(), want)
		}
	}
	if december.Prev() >= december || december >= december.Next() {
		t.Error("months are out of order")
	}
	east := time.FixedZone("", 5*3600)
	if got := pricing.MonthOf(time.Date(2027, 1, 1, 4, 59, 0, 0, east)); got != december {
		t.Errorf("a December evening in UTC is in %s", got)
	}
}

func TestParseMonthRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026", "2026-1", "2026-13", "2026-00", "2026-11-01", "26-11", "0000-01", "2026/11", " 2026-11", "2026-11Z", "-2026-11"} {
		if m, err := pricing.ParseMonth(s); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: got %s, %v", s, m, err)
		}
	}
}

func TestMonthAsText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2026-11", ""} {
		m := month(t, "2020-01")
		if err := m.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		back, err := m.MarshalText()
		if err != nil || string(back) != s || m.IsZero() != (s == "") {
			t.Errorf("%q became %q, %v", s, back, err)
		}
	}
	var m pricing.Month
	if err := m.UnmarshalText([]byte("soon")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %s, %v", m, err)
	}
}
