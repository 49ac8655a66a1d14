package spending_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/spending"
)

func TestPeriods(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, tt := range []struct {
		period spending.Period
		at     string
		want   string
	}{
		{spending.Month, "2026-11-30T23:59:59Z", "2026-11-01 2026-12-01"},
		{spending.Month, "2026-12-01T00:00:00Z", "2026-12-01 2027-01-01"},
		{spending.Month, "2026-12-01T00:30:00+01:00", "2026-11-01 2026-12-01"},
		{spending.Quarter, "2026-01-01T00:00:00Z", "2026-01-01 2026-04-01"},
		{spending.Quarter, "2026-06-30T12:00:00Z", "2026-04-01 2026-07-01"},
		{spending.Quarter, "2026-12-31T12:00:00Z", "2026-10-01 2027-01-01"},
		{spending.Year, "2028-02-29T12:00:00Z", "2028-01-01 2029-01-01"},
		{spending.Forever, "2026-11-30T23:59:59Z", "0001-01-01 0001-01-01"},
	} {
		from, to := tt.period.Bounds(at(tt.at))
		if got := from.Format(time.DateOnly) + " " + to.Format(time.DateOnly); got != tt.want {
			t.Errorf("%s at %s: got %s, want %s", tt.period, tt.at, got, tt.want)
		}
	}
	order := []spending.Period{spending.Month, spending.Quarter, spending.Year, spending.Forever}
	for i, p := range order {
		for j, q := range order {
			if p.Contains(q) != (i >= j) {
				t.Errorf("%s contains %s: %t", p, q, p.Contains(q))
			}
		}
	}
}

// threshold reads "85 FREEZE", "=4250 ALERT", "50 ALERT ESTIMATED".
func threshold(t testing.TB, id byte, text string) spending.Threshold {
	t.Helper()
	words := strings.Fields(text)
	th := spending.Threshold{ID: orgtree.ID{id}, Name: text, Severity: spending.Severity(words[1]), Basis: spending.Actual}
	level := dec(t, strings.TrimPrefix(words[0], "="))
	if strings.HasPrefix(words[0], "=") {
		th.Amount = &level
	} else {
		th.Percent = &level
	}
	if len(words) > 2 {
		th.Basis = map[string]spending.Basis{"ESTIMATED": spending.ActualPlusEstimated, "FORECAST": spending.Forecasted}[words[2]]
	}
	return th
}

func thresholds(t testing.TB, texts ...string) []spending.Threshold {
	t.Helper()
	list := make([]spending.Threshold, len(texts))
	for i, text := range texts {
		list[i] = threshold(t, byte(i+1), text)
	}
	return list
}

func TestAssess(t *testing.T) {
	t.Parallel()
	none := (*orgtree.ID)(nil)
	shut := &orgtree.ID{9}
	for _, tt := range []struct {
		name                  string
		total, used, reserved string
		forecast              string
		thresholds            []string
		shut                  *orgtree.ID
		want                  string // state and the number of the threshold, 0 for none
	}{
		{"nothing used", "100", "0", "0", "", nil, none, "OK 0"},
		{"a hair below the total", "100", "99.999999999999999999", "0", "", nil, none, "OK 0"},
		{"the total", "100", "100", "0", "", nil, none, "FROZEN 0"},
		{"the total with what is reserved", "100", "60", "40", "", nil, none, "FROZEN 0"},
		{"a total of nothing", "0", "0", "0", "", nil, none, "FROZEN 0"},
		{"credits", "0.01", "-5", "0", "", nil, none, "OK 0"},
		{"85 percent of 5000 is 4250", "5000", "4250", "0", "", []string{"85 ALERT"}, none, "ALERT 1"},
		{"a cent below it", "5000", "4249.99", "0", "", []string{"85 ALERT"}, none, "OK 0"},
		{"an amount", "5000", "4250", "0", "", []string{"=4250 FREEZE"}, none, "FROZEN 1"},
		{"the worst decides", "100", "90", "0", "", []string{"80 FREEZE", "90 ALERT"}, none, "FROZEN 1"},
		{"the highest of the same decides", "100", "90", "0", "", []string{"50 ALERT", "80 ALERT", "60 ALERT"}, none, "ALERT 2"},
		{"the total before an alert", "100", "100", "0", "", []string{"50 ALERT"}, none, "FROZEN 0"},
		{"a freeze names its threshold at the total", "100", "100", "0", "", []string{"100 FREEZE"}, none, "FROZEN 1"},
		{"more than all of it", "100", "150", "0", "", []string{"150 SHUTDOWN"}, none, "SHUTDOWN 1"},
		{"estimates count where they are meant", "100", "40", "20", "", []string{"50 ALERT", "60 FREEZE ESTIMATED"}, none, "FROZEN 2"},
		{"a forecast", "100", "10", "0", "120", []string{"100 ALERT FORECAST"}, none, "ALERT 1"},
		{"no forecast", "100", "10", "0", "", []string{"1 ALERT FORECAST"}, none, "OK 0"},
		{"what is shut down stays so", "100", "0", "0", "", []string{"50 ALERT"}, shut, "SHUTDOWN 9"},
	} {
		s := spending.Spent{Total: dec(t, tt.total), Used: dec(t, tt.used), Reserved: dec(t, tt.reserved)}
		if tt.forecast != "" {
			forecast := dec(t, tt.forecast)
			s.Forecast = &forecast
		}
		state, by := spending.Assess(s, thresholds(t, tt.thresholds...), tt.shut)
		got := fmt.Sprintf("%s %d", state, 0)
		if by != nil {
			got = fmt.Sprintf("%s %d", state, by[0])
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestThresholdCheck(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"85 ALERT": true, "0.0001 ALERT": true, "10000 SHUTDOWN": true, "=0.000000000000000001 FREEZE": true, "100 ALERT FORECAST": true,
		"0 ALERT": false, "-1 ALERT": false, "10000.0001 ALERT": false, "0.00001 ALERT": false, "=0 ALERT": false, "=-1 ALERT": false,
		"=0.0000000000000000001 ALERT": false, "100 FREEZE FORECAST": false, "100 SHUTDOWN FORECAST": false,
	} {
		if err := threshold(t, 1, text).Check(); (err == nil) != ok || err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
	one := money.FromInt(1)
	for name, th := range map[string]spending.Threshold{"neither": {}, "both": {Percent: &one, Amount: &one}} {
		if fault.CodeOf(th.Check()) != fault.Invalid {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestFireTellsTheLoudest(t *testing.T) {
	t.Parallel()
	list := thresholds(t, "50 ALERT", "75 ALERT", "80 FREEZE", "90 FREEZE", "120 SHUTDOWN")
	names := func(list []spending.Threshold) (names []string) {
		for _, th := range list {
			names = append(names, th.Name)
		}
		return names
	}
	s := spending.Spent{Total: dec(t, "100"), Used: dec(t, "95")}
	fires, tell := spending.Fire(s, list, func(id orgtree.ID) bool { return id == orgtree.ID{1} })
	if diff := cmp.Diff([]string{"75 ALERT", "80 FREEZE", "90 FREEZE"}, names(fires)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"75 ALERT", "90 FREEZE"}, names(tell)); diff != "" {
		t.Error(diff)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	h := func(id byte, state spending.State, total, used string) spending.Holder {
		return spending.Holder{ID: orgtree.ID{id}, State: state, Unit: "USD", Spent: spending.Spent{Total: dec(t, total), Used: dec(t, used)}}
	}
	for name, tt := range map[string]struct {
		holders []spending.Holder
		want    byte
	}{
		"the worst":                   {[]spending.Holder{h(1, spending.OK, "10", "9"), h(2, spending.Frozen, "10", "1"), h(3, spending.Alerted, "10", "9")}, 2},
		"least left as a part":        {[]spending.Holder{h(1, spending.OK, "10", "5"), h(2, spending.OK, "1000", "900"), h(3, spending.OK, "10", "1")}, 2},
		"the first of the same":       {[]spending.Holder{h(1, spending.OK, "10", "5"), h(2, spending.OK, "20", "10")}, 1},
		"a total of nothing is least": {[]spending.Holder{h(1, spending.Frozen, "10", "10"), h(2, spending.Frozen, "0", "1")}, 2},
	} {
		got, ok := spending.Join(tt.holders)
		if !ok || got.ID != (orgtree.ID{tt.want}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if _, ok := spending.Join(nil); ok {
		t.Error("nothing decides about something")
	}
}

// world is a random allocation and what is posted to it, in hundredths.
func postings(t *rapid.T) (total money.Decimal, list []spending.Threshold, amounts []money.Decimal) {
	total = money.New(rapid.Int64Range(1, 100_000).Draw(t, "total"), 2)
	for i := range rapid.IntRange(1, 6).Draw(t, "thresholds") {
		percent := money.New(rapid.Int64Range(1, 20_000).Draw(t, "percent"), 2)
		list = append(list, spending.Threshold{
			ID: orgtree.ID{byte(i + 1)}, Percent: &percent, Basis: spending.Actual,
			Severity: rapid.SampledFrom([]spending.Severity{spending.Alert, spending.Freeze, spending.Shutdown}).Draw(t, "severity"),
		})
	}
	for range rapid.IntRange(1, 8).Draw(t, "postings") {
		amounts = append(amounts, money.New(rapid.Int64Range(0, 40_000).Draw(t, "amount"), 2))
	}
	return total, list, amounts
}

// run posts amounts one after the other and returns how often each threshold has
// fired, and the state at the end.
func run(total money.Decimal, list []spending.Threshold, amounts []money.Decimal) (fired map[orgtree.ID]int, state spending.State) {
	fired = map[orgtree.ID]int{}
	s := spending.Spent{Total: total}
	var shut *orgtree.ID
	for _, amount := range amounts {
		s.Used = s.Used.Add(amount)
		fires, _ := spending.Fire(s, list, func(id orgtree.ID) bool { return fired[id] > 0 })
		for _, t := range fires {
			fired[t.ID]++
			if t.Severity == spending.Shutdown {
				shut = &t.ID
			}
		}
	}
	state, _ = spending.Assess(s, list, shut)
	return fired, state
}

// TestThresholdLaws: each threshold fires at most once; it does not matter in what
// order or in how many pieces what is used comes in, as long as it only grows; and
// more use never lets more happen.
func TestThresholdLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, list, amounts := postings(t)
		fired, state := run(total, list, amounts)
		for id, n := range fired {
			if n > 1 {
				t.Fatalf("threshold %d has fired %d times", id[0], n)
			}
		}
		whole, wholeState := run(total, list, []money.Decimal{money.Sum(amounts...)})
		if diff := cmp.Diff(whole, fired); diff != "" || wholeState != state {
			t.Fatalf("at once: %s %s %s", diff, wholeState, state)
		}
		shuffled := rapid.Permutation(amounts).Draw(t, "order")
		other, otherState := run(total, list, shuffled)
		if diff := cmp.Diff(fired, other); diff != "" || otherState != state {
			t.Fatalf("in another order: %s %s %s", diff, otherState, state)
		}
		if _, before := run(total, list, amounts[:len(amounts)-1]); before.Worse(state) {
			t.Fatalf("%s with less, %s with more", before, state)
		}
	})
}

// TestRearming: a higher total arms exactly those that it puts out of reach, and
// less use or a lower total none.
func TestRearming(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, list, amounts := postings(t)
		before := spending.Spent{Total: total, Used: money.Sum(amounts...)}
		fired := slices.DeleteFunc(slices.Clone(list), func(th spending.Threshold) bool { return !before.Reaches(th) })
		after := before
		after.Total = money.New(rapid.Int64Range(1, 200_000).Draw(t, "new total"), 2)
		armed := spending.Rearmed(before, after, fired)
		for _, th := range fired {
			isArmed := slices.ContainsFunc(armed, func(a spending.Threshold) bool { return a.ID == th.ID })
			if want := after.Total.Cmp(total) > 0 && !after.Reaches(th); isArmed != want {
				t.Fatalf("threshold %d is armed: %t, want %t", th.ID[0], isArmed, want)
			}
		}
		credited := before
		credited.Used = credited.Used.Sub(money.FromInt(1))
		if len(spending.Rearmed(before, credited, fired)) > 0 {
			t.Fatal("a credit has armed a threshold")
		}
	})
}
