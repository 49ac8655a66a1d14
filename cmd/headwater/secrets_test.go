package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestSecretsAreNeverShown writes secrets wherever they can be written, changes
// them in every way, and looks for them in every answer and in the journal.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	const secret = "hush"
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "team")
		w.must(t, "ada", mutation("addGroupMembers", "group { id }"), map[string]any{"i": map[string]any{"groupId": w.ids["acme.team"], "principalIds": []string{w.ids["max"]}}})
		look := func(actor, document string, variables any) {
			t.Helper()
			if answer := w.askWith(t, actor, document, variables); strings.Contains(string(answer), secret) {
				t.Errorf("%s is told a secret: %s", actor, answer)
			}
		}
		n := 0
		set := func(actor, scope, operation string, value any, more map[string]any) {
			t.Helper()
			input := map[string]any{"scopeId": w.ids[scope], "key": "variables", "operation": operation, "value": value}
			for name, member := range more {
				input[name] = member
			}
			look(actor, contract(t, "SetSetting"), map[string]any{"input": input})
		}
		hidden := func() any {
			n++
			return map[string]any{"value": fmt.Sprintf("%s-%d", secret, n), "secret": true}
		}
		asManager := map[string]any{"side": "MANAGER"}
		for range 2 {
			set("ada", "platform", "SET", map[string]any{"ROOT": hidden(), "PLAIN": "seen"}, nil)
			set("paula", "northwind", "REPLACE", map[string]any{"A": hidden()}, nil)
			set("paula", "acme", "SET", map[string]any{"B": hidden()}, asManager)
			set("olga", "acme", "SET", map[string]any{"C": hidden(), "A": hidden()}, nil)
			set("olga", "acme", "REMOVE", []string{"C"}, nil)
			set("olga", "acme", "SET", map[string]any{"C": hidden()}, nil)
			set("olga", "acme.team", "SET", map[string]any{"D": hidden()}, nil)
			set("olga", "acme.team", "SET", map[string]any{"E": map[string]any{"value": strings.Repeat(secret, 5000), "secret": true}}, nil)
			set("olga", "acme.team", "SET", map[string]any{"E": map[string]any{"value": []string{secret}, "secret": true}}, nil)
			look("paula", contract(t, "LockSetting"), map[string]any{"input": map[string]any{"scopeId": w.ids["northwind"], "key": "variables"}})
			set("olga", "acme", "SET", map[string]any{"C": hidden()}, nil)
			for _, actor := range []string{"ada", "paula", "olga", "max", "rita", "nobody"} {
				look(actor, contract(t, "EffectiveSettings"), map[string]any{"organizationId": w.ids["acme"]})
				look(actor, contract(t, "SettingValues"), map[string]any{"organizationId": w.ids["acme"]})
				look(actor, contract(t, "EffectiveSettingsOfGroup"), map[string]any{"groupId": w.ids["acme.team"]})
				look(actor, contract(t, "EffectiveSettingsOfMember"), map[string]any{"membershipId": w.ids["acme.max"]})
				look(actor, contract(t, "EffectiveSettingsAsOf"), map[string]any{"organizationId": w.ids["acme"], "asOf": db.Now()})
				look(actor, contract(t, "Parts"), map[string]any{"scopeId": w.ids["acme"], "key": "variables"})
			}
			look("paula", contract(t, "UnlockSetting"), map[string]any{"input": map[string]any{"scopeId": w.ids["northwind"], "key": "variables"}})
			look("olga", contract(t, "UnsetSetting"), map[string]any{"input": map[string]any{"scopeId": w.ids["acme"], "key": "variables"}})
		}
		look("olga", contract(t, "CreateUser"), map[string]any{"input": map[string]any{
			"organizationId": w.ids["acme"], "username": "nina", "email": "nina@acme.example", "password": secret + " correct horse battery",
		}})
		look("olga", contract(t, "DeleteGroup"), map[string]any{"input": map[string]any{"groupId": w.ids["acme.team"]}})
		if changes := journalText(t, w); strings.Contains(changes, secret) || !strings.Contains(changes, "seen") || strings.Contains(changes, "argon2id") {
			t.Errorf("the journal holds a secret, or nothing: %s", changes)
		}
	})
}

// journalText returns all that the journal holds.
func journalText(t *testing.T, w *world) string {
	t.Helper()
	entries, err := w.platform.db.Client().JournalEntry.Query().WithChanges().All(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, entry := range entries {
		fmt.Fprintln(&text, entry)
		for _, change := range entry.Edges.Changes {
			for _, image := range []*string{change.Before, change.After} {
				if image != nil {
					fmt.Fprintln(&text, *image)
				}
			}
		}
	}
	return text.String()
}
