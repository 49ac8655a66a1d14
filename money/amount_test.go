package money_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
)

func TestCurrency(t *testing.T) {
	t.Parallel()
	for code, digits := range map[string]int32{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4} {
		c, err := money.ParseCurrency(code)
		if err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if c.Digits() != digits {
			t.Errorf("%s has %d digits, want %d", code, c.Digits(), digits)
		}
	}
	for _, code := range []string{"", "usd", "US", "XXXX", "Token", " USD"} {
		if c, err := money.ParseCurrency(code); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: got %q, %v", code, c, err)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	euro := money.Amount{Decimal: dec(t, "2.505"), Currency: "EUR"}
	dollar := money.Amount{Decimal: dec(t, "1"), Currency: "USD"}
	if _, err := euro.Add(dollar); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("adding dollars to euros: %v", err)
	}
	if _, err := euro.Sub(dollar); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("subtracting dollars from euros: %v", err)
	}
	sum, err := euro.Add(euro)
	if err != nil || sum.String() != "5.01 EUR" {
		t.Errorf("got %s, %v", sum, err)
	}
	rest, err := sum.Sub(euro)
	if err != nil || !rest.Equal(euro) || rest.Equal(sum) {
		t.Errorf("got %s, %v", rest, err)
	}
	if euro.Equal(money.Amount{Decimal: euro.Decimal, Currency: "USD"}) {
		t.Error("2.505 EUR equals 2.505 USD")
	}
	if got := euro.Round().String(); got != "2.5 EUR" {
		t.Errorf("rounded to %s", got)
	}
	if got := (money.Amount{Decimal: dec(t, "2.5"), Currency: "JPY"}).Round().String(); got != "2 JPY" {
		t.Errorf("rounded to %s", got)
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	var totals money.Totals
	if got := totals.Amounts(); len(got) != 0 || !totals.Of("EUR").IsZero() {
		t.Errorf("empty totals are %v", got)
	}
	for _, a := range []money.Amount{
		{Decimal: dec(t, "1.5"), Currency: "USD"},
		{Decimal: dec(t, "7"), Currency: "CAD"},
		{Decimal: dec(t, "-1.5"), Currency: "USD"},
		{Decimal: dec(t, "0.25"), Currency: "EUR"},
		{Decimal: dec(t, "0.25"), Currency: "CAD"},
	} {
		totals.Add(a)
	}
	want := []money.Amount{
		{Decimal: dec(t, "7.25"), Currency: "CAD"},
		{Decimal: dec(t, "0.25"), Currency: "EUR"},
		{Decimal: dec(t, "0"), Currency: "USD"},
	}
	if diff := cmp.Diff(want, totals.Amounts()); diff != "" {
		t.Error(diff)
	}
}

func shares(t testing.TB, amounts ...string) []money.Share {
	t.Helper()
	all := make([]money.Share, len(amounts))
	for i, a := range amounts {
		all[i] = money.Share{Key: fmt.Sprint("key", i), Amount: dec(t, a)}
	}
	return all
}

func TestAllocate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		shares []string
		places int32
		want   []string
	}{
		// 2073.50 USD at 0.861234 is 1785.768699 EUR.
		{"a converted statement with a credit", []string{"1193.670324", "497.362635", "180.85914", "-86.1234"}, 2, []string{"1193.67", "497.36", "180.86", "-86.12"}},
		{"thirds", []string{"33.3333", "33.3333", "33.3334"}, 2, []string{"33.33", "33.33", "33.34"}},
		{"ties go by key", []string{"0.005", "0.005", "0.005", "0.005"}, 2, []string{"0.01", "0.01", "0", "0"}},
		{"ties go by key and not by size", []string{"1.005", "0.005"}, 2, []string{"1.01", "0"}},
		{"refunds", []string{"-0.005", "-0.005"}, 2, []string{"0", "-0.01"}},
		{"zeros stay", []string{"0", "0.004", "0"}, 2, []string{"0", "0", "0"}},
		{"no minor unit", []string{"0.5", "1.5"}, 0, []string{"1", "1"}},
		{"nothing", nil, 2, nil},
	} {
		got := money.Allocate(shares(t, tc.shares...), tc.places)
		if len(got) != len(tc.want) {
			t.Fatalf("%s: got %v", tc.name, got)
		}
		for i, want := range tc.want {
			if got[i].String() != want {
				t.Errorf("%s: share %d posts %s, want %s", tc.name, i, got[i], want)
			}
		}
	}
}

func TestAllocateLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		rng := rand.New(rand.NewPCG(4, seed))
		places := int32(rng.IntN(4))
		unit := money.New(1, places)
		given := make([]money.Share, rng.IntN(40))
		whole := rng.IntN(5) == 0
		for i := range given {
			amount := money.New(rng.Int64N(2_000_000)-1_000_000, int32(rng.IntN(9)))
			if whole {
				amount = amount.Round(places)
			}
			given[i] = money.Share{Key: fmt.Sprint(i), Amount: amount}
		}
		posted := money.Allocate(given, places)

		var exact money.Decimal
		for i, s := range given {
			exact = exact.Add(s.Amount)
			difference := posted[i].Sub(s.Amount)
			if difference.Cmp(unit) >= 0 || difference.Neg().Cmp(unit) >= 0 {
				t.Fatalf("seed %d: %s posts %s, a unit away", seed, s.Amount, posted[i])
			}
			if whole && !difference.IsZero() {
				t.Fatalf("seed %d: the whole share %s posts %s", seed, s.Amount, posted[i])
			}
			if !posted[i].Round(places).Equal(posted[i]) {
				t.Fatalf("seed %d: %s is not a whole number of units", seed, posted[i])
			}
		}
		if sum := money.Sum(posted...); !sum.Equal(exact.Round(places)) {
			t.Fatalf("seed %d: posted %s for a sum of %s", seed, sum, exact)
		}
		order := rng.Perm(len(given))
		mixed := make([]money.Share, len(given))
		for to, from := range order {
			mixed[to] = given[from]
		}
		for to, got := range money.Allocate(mixed, places) {
			if !got.Equal(posted[order[to]]) {
				t.Fatalf("seed %d: in another order %s posts %s", seed, mixed[to].Amount, got)
			}
		}
	}
}

func TestAllocateSharesWithoutKeys(t *testing.T) {
	t.Parallel()
	given := []money.Share{{Amount: dec(t, "1.005")}, {Amount: dec(t, "-3.995")}, {Amount: dec(t, "0.005")}}
	want := texts(money.Allocate(given, 2))
	slices.Reverse(given)
	got := texts(money.Allocate(given, 2))
	slices.Reverse(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func texts(decimals []money.Decimal) []string {
	all := make([]string, len(decimals))
	for i, d := range decimals {
		all[i] = d.String()
	}
	return all
}
