package money_test

import (
	"testing"

	"github.com/headwater-platform/headwater/money"
)

// BenchmarkRateOne is what rating does per stored amount: read the cost, price
// it, round it to what is stored, check it and write it.
func BenchmarkRateOne(b *testing.B) {
	for _, cost := range []string{"0.00000080000", "1193.67032412345", "12345678901234567.123456789012345678"} {
		b.Run(cost, func(b *testing.B) {
			b.ReportAllocs()
			factor := dec(b, "1.386")
			buffer := make([]byte, 0, 64)
			for b.Loop() {
				d, err := money.Parse(cost)
				if err != nil {
					b.Fatal(err)
				}
				amount := d.Mul(factor).Round(18)
				if err := money.CheckAmount(amount); err != nil {
					b.Fatal(err)
				}
				if _, err := amount.AppendText(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := money.ParseAmount("0.00001605990"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMulRoundAppend(b *testing.B) {
	b.ReportAllocs()
	cost, factor := dec(b, "0.00001605990"), dec(b, "1.386123")
	product := factor.Mul(factor).Mul(factor)
	buffer := make([]byte, 0, 64)
	for b.Loop() {
		if _, err := cost.Mul(product).Round(18).AppendText(buffer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkString(b *testing.B) {
	b.ReportAllocs()
	d := dec(b, "1193.670324")
	for b.Loop() {
		_ = d.String()
	}
}

func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	var sum money.Decimal
	d := dec(b, "0.000016059912345678")
	for b.Loop() {
		sum = sum.Add(d)
	}
}
