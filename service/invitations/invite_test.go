package invitations

import (
	"slices"
	"testing"
)

func TestAddressesOfTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		texts []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"blanks", []string{"", " \n , ;\t"}, nil},
		{"one each", []string{"a@x.example", "b@x.example"}, []string{"a@x.example", "b@x.example"}},
		{"a pasted list", []string{" a@x.example\r\nb@x.example ,c@x.example;d@x.example\n"}, []string{"a@x.example", "b@x.example", "c@x.example", "d@x.example"}},
		{"the same in another case", []string{"A@x.example,a@X.example", "a@x.example"}, []string{"A@x.example"}},
		{"no address", []string{"somebody, a@x.example"}, []string{"somebody", "a@x.example"}},
	} {
		if got := addressesOf(tt.texts); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
