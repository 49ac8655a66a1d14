package database_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
)

// amountsTable makes a table of amounts as the platform keeps them.
func amountsTable(t *testing.T, db *database.DB) {
	t.Helper()
	kind := "text"
	if db.Dialect() == "postgres" {
		kind = "numeric(38,18)"
	}
	_, err := db.Client().ExecContext(system(t), "CREATE TABLE amounts (of bigint, amount "+kind+")")
	must(t, err)
}

func sumOf(t *testing.T, db *database.DB, where string) money.Decimal {
	t.Helper()
	rows, err := db.Client().QueryContext(system(t), "SELECT "+db.ExactSum("amount")+" FROM amounts "+where)
	must(t, err)
	sum, err := money.Parse(scanText(t, rows))
	must(t, err)
	return sum
}

// TestSumsAreExact adds random amounts in the database and outside of it.
func TestSumsAreExact(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		amountsTable(t, db)
		random := rand.New(rand.NewPCG(seed, 1))
		for of := range effort.Cases(200) {
			want := money.Decimal{}
			var values []string
			for range 1 + random.IntN(50) {
				amount := randomAmount(random)
				parsed, err := money.Parse(amount)
				must(t, err)
				want = want.Add(parsed)
				values = append(values, fmt.Sprintf("(%d, '%s')", of, amount))
			}
			values = append(values, fmt.Sprintf("(%d, NULL)", of))
			_, err := db.Client().ExecContext(system(t), "INSERT INTO amounts (of, amount) VALUES "+strings.Join(values, ", "))
			must(t, err)
			if got := sumOf(t, db, fmt.Sprintf("WHERE of = %d", of)); got.Cmp(want) != 0 {
				t.Fatalf("seed %d: the sum of %v is %s, want %s", seed, values, got, want)
			}
		}
	})
}

// randomAmount returns an amount with up to 18 places, of any sign and size.
func randomAmount(random *rand.Rand) string {
	sign := ""
	if random.IntN(2) == 0 {
		sign = "-"
	}
	whole := random.Int64N(int64(1) << random.IntN(50))
	places := random.IntN(19)
	if places == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	var fraction strings.Builder
	for range places {
		fraction.WriteByte(byte('0' + random.IntN(10)))
	}
	return fmt.Sprintf("%s%d.%s", sign, whole, fraction.String())
}

// TestSumsThatFloatsGetWrong are exact in both databases.
func TestSumsThatFloatsGetWrong(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		amountsTable(t, db)
		for _, amount := range []string{"0.1", "0.2", "100000000000000000.000000000000000001", "-100000000000000000"} {
			_, err := db.Client().ExecContext(system(t), "INSERT INTO amounts (of, amount) VALUES (1, $1)", amount)
			must(t, err)
		}
		want, err := money.Parse("0.300000000000000001")
		must(t, err)
		if got := sumOf(t, db, ""); got.Cmp(want) != 0 {
			t.Errorf("the sum is %s, want %s", got, want)
		}
		if got := sumOf(t, db, "WHERE of = 2"); got.Cmp(money.Decimal{}) != 0 {
			t.Errorf("the sum of nothing is %s", got)
		}
	})
}

// TestSumsRefuseNonsense adds a text that is no number.
func TestSumsRefuseNonsense(t *testing.T) {
	t.Parallel()
	db := dbtest.SQLite(t)
	amountsTable(t, db)
	_, err := db.Client().ExecContext(system(t), "INSERT INTO amounts (of, amount) VALUES (1, 'much')")
	must(t, err)
	rows, err := db.Client().QueryContext(system(t), "SELECT "+db.ExactSum("amount")+" FROM amounts")
	if err == nil {
		rows.Next()
		err = rows.Err()
		must(t, rows.Close())
	}
	if err == nil {
		t.Error("the sum of 'much' is a number")
	}
}
