package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
)

// triedSetting is a setting with values to write.
type triedSetting struct {
	key string
	// value is one to set, elements ones to append or remove, and guard bounds
	// that hold the value that is locked too; nil where there are none.
	value    any
	elements any
	guard    map[string]any
}

func triedSettings() []triedSetting {
	providers := []string{"aws", "azure", "google", "openstack", "oracle"}
	return []triedSetting{
		{"policies.no_public_ip", false, nil, map[string]any{"allowed": []bool{false, true}}},
		{"authentication.session_max_duration", "PT8H", nil, map[string]any{"min": "PT5M"}},
		{"authentication.methods", []string{"password", "oidc"}, []string{"oidc"}, map[string]any{"allowed": []string{"password", "oidc"}}},
		{"policies.approved_regions", []string{"eu"}, []string{"eu"}, map[string]any{"allowed": []string{"eu", "us"}}},
		{"cloud.providers", []string{"aws"}, []string{"aws"}, map[string]any{"allowed": providers}},
		{"cloud.instance_limits", map[string]any{"aws/*": 3}, []string{"aws/*"}, nil},
		{"quotas.users", 10, nil, map[string]any{"max": 2147483647}},
		{"members.administrators_manage_members", true, nil, map[string]any{"allowed": []bool{true, false}}},
		{"variables", map[string]any{"A": "b"}, []string{"A"}, map[string]any{"allowed": []string{"A"}}},
		{"customize.locale", "fr", nil, map[string]any{"allowed": []string{"fr"}}},
		{"customize.sidebar", []string{"home"}, nil, map[string]any{"allowed": []string{"home"}}},
		{"billing.rounding", "UP", nil, map[string]any{"allowed": []string{"UP"}}},
		{"platform.maintenance", false, nil, map[string]any{"allowed": []bool{false}}},
	}
}

// write returns the mutation and the input of an operation, or false if the
// setting has nothing to try it with.
func (s triedSetting) write(operation string) (name string, input map[string]any, ok bool) {
	input = map[string]any{"key": s.key}
	switch operation {
	case "SET", "REPLACE":
		input["operation"], input["value"] = operation, s.value
	case "APPEND", "REMOVE":
		input["operation"], input["value"] = operation, s.elements
	case "RESET":
		input["operation"] = operation
	case "GUARD":
		maps.Copy(input, s.guard)
		return "guardSetting", input, s.guard != nil
	default:
		return strings.ToLower(operation) + "Setting", input, true
	}
	return "setSetting", input, true
}

// TestAllowedOperationsAreTrue tries every operation on settings of every type,
// at several nodes, as several people, in the open and under a lock, and
// compares with what the setting said just before that they may do.
func TestAllowedOperationsAreTrue(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	type attempt struct {
		setting      triedSetting
		scope, actor string
	}
	var attempts []attempt
	for _, s := range triedSettings() {
		for _, scope := range []string{"acme", "acme.users", "acme.max", "acme.administrators"} {
			for _, actor := range []string{"paula", "olga", "seth", "uma", "max"} {
				attempts = append(attempts, attempt{s, scope, actor})
			}
		}
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		random := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t, db)
		staff(t, w)
		for _, state := range []string{"open", "locked above"} {
			if state != "open" {
				for _, s := range triedSettings() {
					w.must(t, "ada", mutation("lockSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["platform"], "key": s.key}})
				}
			}
			chosen := random.Perm(len(attempts))[:effort.Cases(len(attempts))]
			for _, i := range chosen {
				a := attempts[i]
				for _, operation := range []string{"SET", "REPLACE", "APPEND", "REMOVE", "GUARD", "LOCK", "RESET", "UNLOCK", "UNSET"} {
					listed, readable := allowedAt(t, w, a.actor, a.scope, a.setting.key)
					name, input, ok := a.setting.write(operation)
					if !readable || !ok {
						continue
					}
					input["scopeId"] = w.ids[a.scope]
					got := told(t, w.askWith(t, a.actor, mutation(name, "revision"), map[string]any{"i": input}))
					isListed := slices.Contains(listed, operation)
					if isListed != (got == "y") && (isListed || !unlisted(operation)) {
						t.Errorf("seed %d, %s, %s at %s by %s: %s is listed: %t, and told %s (of %v)", seed, state, a.setting.key, a.scope, a.actor, operation, isListed, got, listed)
					}
				}
			}
		}
	})
}

// unlisted reports whether an operation may work without being offered: taking
// back what is not there does nothing, and SET of a set is a REPLACE as REPLACE
// of anything else is a SET.
func unlisted(operation string) bool {
	return slices.Contains([]string{"UNSET", "UNLOCK", "SET", "REPLACE"}, operation)
}

// allowedAt returns what a setting says that the actor may do, and whether they
// can read it at all.
func allowedAt(t *testing.T, w *world, actor, scope, key string) (operations []string, readable bool) {
	t.Helper()
	raw := w.askWith(t, actor, contract(t, "May"), map[string]any{"scopeId": w.ids[scope], "keys": []string{key}})
	var answer struct {
		Data struct {
			Node *struct {
				EffectiveSettings []struct{ AllowedOperations []string }
			}
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, raw))
	}
	if answer.Data.Node == nil {
		return nil, false
	}
	return answer.Data.Node.EffectiveSettings[0].AllowedOperations, true
}
