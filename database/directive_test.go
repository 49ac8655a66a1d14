package database

import (
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/ent"
)

// TestConcealedHidesSecrets keeps rows of the journal free of them.
func TestConcealedHidesSecrets(t *testing.T) {
	t.Parallel()
	operation := func(text string) *string { return &text }
	for name, tt := range map[string]struct {
		row   ent.SettingDirective
		shown string
	}{
		"a secret":             {ent.SettingDirective{Key: "variables", Operation: operation(`{"put":{"TOKEN":{"secret":true,"value":"hush"}}}`)}, ""},
		"what cannot be read":  {ent.SettingDirective{Key: "variables", Operation: operation(`{"hush"`)}, `"concealed"`},
		"a setting of others":  {ent.SettingDirective{Key: "unknown.key", Operation: operation(`"hush"`)}, `"concealed"`},
		"nothing sensitive":    {ent.SettingDirective{Key: "policies.no_public_ip", Operation: operation(`{"set":true}`)}, `{"set":true}`},
		"a lock without value": {ent.SettingDirective{Key: "variables", Locked: true}, ""},
	} {
		before := tt.row.Operation
		got := concealed(&tt.row)
		if tt.row.Operation != before {
			t.Errorf("%s: the row itself changed", name)
		}
		if before == nil {
			if got.Operation != nil {
				t.Errorf("%s: an operation appeared: %s", name, *got.Operation)
			}
			continue
		}
		if strings.Contains(*got.Operation, "hush") {
			t.Errorf("%s: the image is %s", name, *got.Operation)
		}
		if tt.shown != "" && *got.Operation != tt.shown {
			t.Errorf("%s: the image is %s, want %s", name, *got.Operation, tt.shown)
		}
	}
}
