package support

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
)

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 9, 0, 0, 0, time.UTC) }

// TestChangesOfPlan plays a year of one organization.
func TestChangesOfPlan(t *testing.T) {
	t.Parallel()
	history := []period{{plan: Basic, start: day(1, 5)}}
	for i, tt := range []struct {
		at   time.Time
		to   PlanName
		code fault.Code
		want []period
	}{
		{day(1, 10), Basic, fault.Conflict, nil},
		{day(2, 3), Business, "", []period{{plan: Basic, start: day(1, 5), end: day(2, 3)}, {plan: Business, start: day(2, 3)}}},
		{day(2, 4), Basic, "", []period{
			{plan: Basic, start: day(1, 5), end: day(2, 3)}, {plan: Business, start: day(2, 3), end: march()}, {plan: Basic, start: march()},
		}},
		{day(2, 5), Basic, fault.Conflict, nil},
		{day(2, 6), Advanced, "", []period{
			{plan: Basic, start: day(1, 5), end: day(2, 3)}, {plan: Business, start: day(2, 3), end: march()}, {plan: Advanced, start: march()},
		}},
		{day(2, 7), Business, "", []period{{plan: Basic, start: day(1, 5), end: day(2, 3)}, {plan: Business, start: day(2, 3)}}},
		{day(12, 31), Advanced, "", []period{
			{plan: Basic, start: day(1, 5), end: day(2, 3)},
			{plan: Business, start: day(2, 3), end: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
			{plan: Advanced, start: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		}},
		{time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), Enterprise, "", []period{
			{plan: Basic, start: day(1, 5), end: day(2, 3)},
			{plan: Business, start: day(2, 3), end: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)},
			{plan: Enterprise, start: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)},
		}},
	} {
		got, err := changed(history, tt.to, tt.at)
		if fault.CodeOf(err) != tt.code || err == nil && !slices.Equal(got, tt.want) {
			t.Fatalf("%d: %s on %s: %v, %v", i, tt.to, tt.at, got, err)
		}
		if err == nil {
			history = got
		}
	}
}

func march() time.Time { return time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC) }

// TestHistoriesHaveNoGaps changes plans at random: the periods always follow
// each other, exactly one has no end, what was is never changed, and the plan of
// the moment is the one that was asked for, unless that is less.
func TestHistoriesHaveNoGaps(t *testing.T) {
	t.Parallel()
	plans := []PlanName{Basic, Advanced, Business, Enterprise}
	for seed := range uint64(effort.Cases(20_000)) {
		random := rand.New(rand.NewPCG(seed, 5))
		now := day(1, 5)
		history := []period{{plan: Basic, start: now}}
		for range 1 + random.IntN(30) {
			// Also no time at all, the next month to the instant, and long.
			switch random.IntN(4) {
			case 0:
			case 1:
				now = monthAfter(now)
			default:
				now = now.Add(time.Duration(random.IntN(60*24)) * time.Hour)
			}
			to, before := plans[random.IntN(len(plans))], history[currentOf(history, now)]
			after, err := changed(history, to, now)
			if err != nil {
				continue
			}
			checkHistory(t, seed, history, after, now)
			holds := after[currentOf(after, now)].plan
			last := after[len(after)-1]
			switch {
			case last.plan != to:
				t.Fatalf("seed %d: %s was asked for, the last is %s", seed, to, last.plan)
			case rank(to) >= rank(before.plan) && holds != to:
				t.Fatalf("seed %d: %s was asked for and does not hold", seed, to)
			case rank(to) < rank(before.plan) && holds != before.plan && !before.start.Equal(now):
				t.Fatalf("seed %d: %s ended before its month", seed, before.plan)
			}
			history = after
		}
	}
}

func checkHistory(t *testing.T, seed uint64, before, after []period, now time.Time) {
	t.Helper()
	for i, p := range after {
		isLast := i == len(after)-1
		switch {
		case p.end.IsZero() != isLast:
			t.Fatalf("seed %d: which period is open? %v", seed, after)
		case !isLast && (!p.end.Equal(after[i+1].start) || !p.start.Before(p.end)):
			t.Fatalf("seed %d: a gap or an overlap in %v", seed, after)
		case !isLast && i < len(before) && !before[i].end.IsZero() && !before[i].end.After(now) && p != before[i]:
			t.Fatalf("seed %d: the past was changed from %v to %v", seed, before, after)
		}
	}
	planned := slices.DeleteFunc(slices.Clone(after), func(p period) bool { return !p.start.After(now) })
	if len(planned) > 1 {
		t.Fatalf("seed %d: more than one planned change in %v", seed, after)
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	for i, want := range []struct {
		name       PlanName
		minutes    int
		fee, share string
	}{
		{Basic, 480, "0 EUR", "0"}, {Advanced, 120, "50 EUR", "0.05"}, {Business, 30, "250 EUR", "0.1"}, {Enterprise, 15, "999 EUR", "0.2"},
	} {
		got := Plans()[i]
		if got.Name != want.name || got.ResponseMinutes() != want.minutes || got.MonthlyFee.String() != want.fee || got.SpendShare.String() != want.share {
			t.Errorf("%s: %d min, %s, %s", got.Name, got.ResponseMinutes(), got.MonthlyFee, got.SpendShare)
		}
	}
}
