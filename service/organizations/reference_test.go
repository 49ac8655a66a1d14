package organizations

import (
	"testing"
	"time"

	"github.com/headwater-platform/headwater/pricing"
)

// TestReferenceByDay changes a customer reference on every kind of day.
func TestReferenceByDay(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	month := func(text string) pricing.Month {
		m, err := pricing.ParseMonth(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	november, december := month("2026-11"), month("2026-12")
	for name, tt := range map[string]struct {
		held  reference
		value string
		at    string
		want  reference
	}{
		"on the first":                 {reference{value: "A"}, "B", "2026-11-01T00:00:00Z", reference{"B", november, "A"}},
		"in the last moment":           {reference{value: "A"}, "B", "2026-11-25T23:59:59Z", reference{"B", november, "A"}},
		"in the first moment too late": {reference{value: "A"}, "B", "2026-11-26T00:00:00Z", reference{"B", december, "A"}},
		"elsewhere it is the 26th":     {reference{value: "A"}, "B", "2026-11-26T01:00:00+02:00", reference{"B", november, "A"}},
		"at the end of the year":       {reference{value: "A"}, "B", "2026-12-31T12:00:00Z", reference{"B", month("2027-01"), "A"}},
		"again before it counted":      {reference{"B", december, "A"}, "C", "2026-11-28T00:00:00Z", reference{"C", december, "A"}},
		"again in the month":           {reference{"B", november, "A"}, "C", "2026-11-20T00:00:00Z", reference{"C", november, "A"}},
		"again for the next month":     {reference{"B", november, "A"}, "C", "2026-11-26T00:00:00Z", reference{"C", december, "B"}},
		"back before it counted":       {reference{"B", december, "A"}, "A", "2026-11-28T00:00:00Z", reference{"A", december, "A"}},
		"long after":                   {reference{"B", november, "A"}, "C", "2027-03-02T00:00:00Z", reference{"C", month("2027-03"), "B"}},
		"none any more":                {reference{value: "A"}, "", "2026-11-01T00:00:00Z", reference{"", november, "A"}},
		"the same":                     {reference{"B", november, "A"}, "B", "2026-11-28T00:00:00Z", reference{"B", november, "A"}},
	} {
		if got := tt.held.become(tt.value, at(tt.at)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
