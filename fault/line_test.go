package fault_test

import (
	"testing"

	"github.com/headwater-platform/headwater/fault"
)

func TestIsLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"", true},
		{"Mehrwertsteuer 19 %", true},
		{"ぜいきん", true},
		{"12345678901234567890", true},
		{"123456789012345678901", false},
		{" padded", false},
		{"padded ", false},
		{"two\nlines", false},
		{"a\ttab", false},
		{"a\x00byte", false},
		{"turned\u202earound", false},
	} {
		if got := fault.IsLine(tt.text, 20); got != tt.want {
			t.Errorf("%q is a line: %t, want %t", tt.text, got, tt.want)
		}
	}
}
