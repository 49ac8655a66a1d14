package fault_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
)

// TestReadmeListsEveryCode compares the README's table of codes with Codes, in
// order.
func TestReadmeListsEveryCode(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## Error codes\n")
	if !found {
		t.Fatal("the README has no section Error codes")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var got []fault.Code
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		got = append(got, fault.Code(row[1]))
	}
	if diff := cmp.Diff(fault.Codes(), got); diff != "" {
		t.Errorf("-codes +README:\n%s", diff)
	}
}
