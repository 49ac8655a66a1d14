package spending_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// place returns a place with values of the three settings, all of one author.
func place(t *testing.T, author byte, providers, types []string, limits map[string]int, running int) spending.Place {
	t.Helper()
	return spending.Place{
		Providers: resolve(t, author, spending.ProvidersKey, append([]string{}, providers...)),
		Types:     resolve(t, author, spending.TypesKey, append([]string{}, types...)),
		Limits:    resolve(t, author, spending.LimitsKey, maps.Collect(maps.All(limits))),
		Running:   running,
	}
}

func resolve(t *testing.T, author byte, key string, value any) waterfall.Resolution {
	t.Helper()
	definition, ok := catalogue.Lookup(key)
	if !ok {
		t.Fatalf("no setting %s", key)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	operation, err := definition.ParseOperation(waterfall.OperationReplace, raw)
	if err != nil {
		t.Fatal(err)
	}
	node := waterfall.Node{Level: waterfall.LevelPlatform, ID: orgtree.ID{author}}
	directive := waterfall.Directive{Node: node, Author: node.ID, Side: waterfall.SideOwn, Operation: &operation}
	return waterfall.Resolve(definition, waterfall.Steps([]waterfall.Node{node}, []waterfall.Directive{directive}))
}

func TestJudge(t *testing.T) {
	t.Parallel()
	aws, both := []string{"aws"}, []string{"aws", "azure"}
	types := []string{"aws/m5", "azure/D2"}
	m5 := func(count int) spending.Launch { return spending.Launch{Provider: "aws", Type: "m5", Count: count} }
	for _, tt := range []struct {
		name   string
		launch spending.Launch
		places []spending.Place
		want   string // allowed, key and author
	}{
		{"nothing limits it", m5(1_000), []spending.Place{place(t, 1, both, types, nil, 7)}, "yes"},
		{"no machine", spending.Launch{Count: 1}, []spending.Place{place(t, 1, nil, nil, map[string]int{"*": 0}, 0)}, "yes"},
		{"a provider without a type", spending.Launch{Provider: "azure", Count: 1}, []spending.Place{place(t, 1, both, nil, map[string]int{"*": 0}, 0)}, "yes"},
		{"no such provider", spending.Launch{Provider: "azure", Type: "D2", Count: 1}, []spending.Place{place(t, 1, aws, types, nil, 0)}, "no cloud.providers 1"},
		{"no such type", spending.Launch{Provider: "aws", Type: "D2", Count: 1}, []spending.Place{place(t, 1, both, types, nil, 0)}, "no cloud.instance_types 1"},
		{"the last of them", m5(2), []spending.Place{place(t, 1, both, types, map[string]int{"aws/m5": 5}, 3)}, "yes cloud.instance_limits 1"},
		{"one too many", m5(3), []spending.Place{place(t, 1, both, types, map[string]int{"aws/m5": 5}, 3)}, "no cloud.instance_limits 1"},
		{"the type before its provider", m5(3), []spending.Place{place(t, 1, both, types, map[string]int{"aws/m5": 5, "aws/*": 1, "*": 0}, 2)}, "yes cloud.instance_limits 1"},
		{"the provider before all", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"aws/*": 1, "*": 9}, 1)}, "no cloud.instance_limits 1"},
		{"all", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"azure/*": 9, "*": 0}, 0)}, "no cloud.instance_limits 1"},
		{"more run than may", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"*": 2}, 9)}, "no cloud.instance_limits 1"},
		{"the group is full", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"*": 2}, 2), place(t, 2, both, types, map[string]int{"*": 5}, 2)}, "no cloud.instance_limits 1"},
		{"the organization is full", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"*": 2}, 0), place(t, 2, both, types, map[string]int{"*": 5}, 5)}, "no cloud.instance_limits 2"},
		{"the least room", m5(1), []spending.Place{place(t, 1, both, types, map[string]int{"*": 9}, 0), place(t, 2, both, types, map[string]int{"*": 9}, 5)}, "yes cloud.instance_limits 2"},
		{"permission comes before numbers", m5(9), []spending.Place{place(t, 1, both, types, map[string]int{"*": 1}, 0), place(t, 2, both, nil, nil, 0)}, "no cloud.instance_types 2"},
	} {
		v := spending.Judge(tt.launch, tt.places)
		got := "no"
		if v.Allowed {
			got = "yes"
		}
		if v.Key != "" {
			got += " " + v.Key + " " + string('0'+rune(v.By.Author[0]))
		}
		if got != tt.want || (v.Because == "") != (v.Key == "") {
			t.Errorf("%s: got %s (%s), want %s", tt.name, got, v.Because, tt.want)
		}
		if v.Key != "" && tt.launch.Provider != "" && !strings.Contains(v.Because, tt.launch.Provider) {
			t.Errorf("%s: the sentence is %q", tt.name, v.Because)
		}
	}
}
