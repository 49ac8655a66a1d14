package money_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0":                       "0",
		"-0":                      "0",
		"0e30":                    "0",
		"0.00000080000":           "0.0000008",
		"-2.50":                   "-2.5",
		"007.10":                  "7.1",
		"35.2E-7":                 "0.00000352",
		"5.64902E-05":             "0.0000564902",
		"1e3":                     "1000",
		"1.5e+2":                  "150",
		"1e30":                    "1" + strings.Repeat("0", 30),
		"1e-30":                   "0." + strings.Repeat("0", 29) + "1",
		"1000e-3":                 "1",
		"18446744073709551615":    "18446744073709551615",
		"18446744073709551616":    "18446744073709551616",
		"10000000000000000000001": "10000000000000000000001",
		"12345678901234567890.123456789012345678":    "12345678901234567890.123456789012345678",
		"-9999999999999999999999999999999999999999":  "-9999999999999999999999999999999999999999",
		"1." + strings.Repeat("0", 80):               "1",
		"6.266090E-12":                               "0.00000000000626609",
		"340282366920938463463374607431768211456.05": "", // 41 digits
	} {
		d, err := money.Parse(in)
		if want == "" {
			if err == nil {
				t.Errorf("%q is read as %s", in, d)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if d.String() != want {
			t.Errorf("%q is %s, want %s", in, d, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " ", "-", "+", "+1", "--1", "-+1", "1 ", " 1", "1,000", "1_000", "0x10", ".", ".5", "5.", "-.5", "1.2.3", "1..2",
		"e5", "E", "1e", "1e+", "1e-", "1e+-2", "1e1.5", "1e5e5", "1.e5", "NaN", "nan", "sNaN", "Inf", "-Infinity", "overflow", "null", "(null)",
		"１", "1\x00", "1e20000000", "1e-20000000", "1e31", "1e-31", "1e99999999999999999999999999", "1e-99999999999999999999999",
		strings.Repeat("1", 41), strings.Repeat("9", 10_000_000), "0." + strings.Repeat("0", 200) + "1",
	} {
		d, err := money.Parse(in)
		if err == nil {
			t.Errorf("%.40q is read as %s", in, d)
			continue
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Invalid {
			t.Errorf("%.40q: %v is not INVALID", in, err)
		}
		if len(err.Error()) > 600 {
			t.Errorf("%.40q: the message has %d bytes", in, len(err.Error()))
		}
	}
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{
		"99999999999999999999.999999999999999999":  true,
		"-99999999999999999999.999999999999999999": true,
		"100000000000000000000":                    false,
		"-100000000000000000000":                   false,
		"0.0000000000000000001":                    false,
		"0.1000000000000000000":                    true,
		"1e19":                                     true,
		"1e20":                                     false,
		"1e-18":                                    true,
		"1e-19":                                    false,
		"1000e-21":                                 true,
		"NaN":                                      false,
	} {
		if _, err := money.ParseAmount(in); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		} else if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v is not INVALID", in, err)
		}
	}
}

func TestParseFactor(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{
		"1.386":           true,
		"0.000001":        true,
		"999999.999999":   true,
		"1.0000000":       true,
		"1000000":         false,
		"0.0000001":       false,
		"1.1234567":       false,
		"0":               false,
		"-1":              false,
		"one":             false,
		"1e5":             true,
		"1000000.0000001": false,
	} {
		if _, err := money.ParseFactor(in); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		} else if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v is not INVALID", in, err)
		}
	}
}

func TestDecimalInJSON(t *testing.T) {
	t.Parallel()
	type row struct {
		Cost money.Decimal
	}
	text, err := json.Marshal(row{Cost: dec(t, "-0.00000080")})
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != `{"Cost":"-0.0000008"}` {
		t.Errorf("got %s", text)
	}
	var back row
	if err := json.Unmarshal(text, &back); err != nil || !back.Cost.Equal(dec(t, "-0.0000008")) {
		t.Errorf("got %s, %v", back.Cost, err)
	}
	for _, in := range []string{`{"Cost":1.5}`, `{"Cost":"x"}`, `{"Cost":"1e20000000"}`} {
		if err := json.Unmarshal([]byte(in), &back); err == nil {
			t.Errorf("%s is read as %s", in, back.Cost)
		}
	}
}

// FuzzParse feeds the parser arbitrary text: it never panics, what it reads is
// what the rational reader reads, and its own text reads back the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-2.5", "35.2E-7", "1e20000000", "1e+30", "NaN", "1,000", ".5", "9999999999999999999999999999999999999999e30", "0.00000000000000000000000000000000001"} {
		f.Add(s)
	}
	plain := regexp.MustCompile(`^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := money.Parse(s)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		text := d.String()
		if !plain.MatchString(text) {
			t.Fatalf("%q prints as %q", s, text)
		}
		if rat(t, text).Cmp(rat(t, s)) != 0 {
			t.Fatalf("%q is read as %s", s, text)
		}
		if len(text) > 100 {
			return // in plain notation it is longer than what is read
		}
		if again, err := money.Parse(text); err == nil && !again.Equal(d) {
			t.Fatalf("%q reads back as %s, printed %s", s, again, text)
		}
	})
}
