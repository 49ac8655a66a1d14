package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeListsEverySetting compares the README's table of variables, flags
// and defaults with the tags of Config, in order.
func TestReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## Configuration\n")
	if !found {
		t.Fatal("the README has no section Configuration")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var got []string
	row := regexp.MustCompile("(?m)^\\| `(HEADWATER_\\w+)` \\| `--([a-z-]+)` \\| (?:`([^`]*)` )?\\|")
	for _, cells := range row.FindAllStringSubmatch(section, -1) {
		got = append(got, strings.Join(cells[1:], " "))
	}
	if diff := cmp.Diff(settings(reflect.TypeFor[Config]()), got); diff != "" {
		t.Errorf("-Config +README:\n%s", diff)
	}
}

// settings returns the variable, flag and default of every field.
func settings(of reflect.Type) []string {
	var list []string
	for field := range of.Fields() {
		if _, part := field.Tag.Lookup("embed"); part {
			list = append(list, settings(field.Type)...)
			continue
		}
		list = append(list, fmt.Sprint(field.Tag.Get("env"), " ", field.Tag.Get("name"), " ", field.Tag.Get("default")))
	}
	return list
}
