package scim

import (
	"encoding/json"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/service/directory"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"": true, `userName eq "ann"`: true, `USERNAME co "a" and not (active eq false)`: true, `emails[value ew "x.example"]`: true,
		`meta.lastModified gt "2026-01-01T00:00:00Z"`: true, `name.familyName pr or id eq "nobody's"`: true, `emails.type eq "work"`: true,
		"userName": false, `userName xx "a"`: false, `userName eq`: false, `active gt "a"`: false, `shoeSize eq 42`: false, `(userName eq "a"`: false,
		`meta.created gt "yesterday"`: false, `userName eq true`: false,
	} {
		if _, err := userType().parseFilter(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPatches(t *testing.T) {
	t.Parallel()
	for operations, good := range map[string]bool{
		`[{"op":"replace","path":"active","value":false}]`:                             true,
		`[{"op":"Replace","value":{"displayName":"Ann","name.givenName":"A"}}]`:        true,
		`[{"op":"add","path":"emails[type eq \"work\"].value","value":"a@x.example"}]`: true,
		`[{"op":"remove","path":"externalId"}]`:                                        true,
		`[]`:                                                                           false,
		`[{"op":"move","path":"active"}]`:                                              false,
		`[{"op":"replace","path":"name[","value":"x"}]`:                                false,
		`[{"op":"remove"}]`:                                                            false,
		`{"op":"remove"}`:                                                              false,
	} {
		body := map[string]any{"schemas": []any{patchMessage}}
		var parsed any
		if err := json.Unmarshal([]byte(operations), &parsed); err != nil {
			t.Fatal(err)
		}
		body["Operations"] = parsed
		if _, err := userType().parsePatch(body); (err == nil) != good {
			t.Errorf("%s: %v", operations, err)
		}
	}
	if _, err := userType().parsePatch(map[string]any{"Operations": []any{map[string]any{"op": "remove", "path": "externalId"}}}); err == nil {
		t.Error("a patch without its schema is taken")
	}
}

// FuzzFilter reads any filter, of people and of groups. One that is taken is
// within its bounds.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`userName eq "ann"`, `not (active eq false) or emails[value co "x"]`, `meta.created ge "2026-01-01T00:00:00Z"`, `members.value eq "mem_x"`, `a.b.c pr`, `((((a pr))))`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []resourceType{userType(), groupType()} {
			if term, err := kind.parseFilter(text); err == nil && term != nil && len(text) > maxFilter {
				t.Fatalf("%q is too long and taken", text)
			}
		}
	})
}

// FuzzPatch reads any patch and applies it to somebody and to a group.
func FuzzPatch(f *testing.F) {
	for _, operations := range []string{
		`[{"op":"replace","path":"active","value":false}]`, `[{"op":"add","value":{"members":[{"value":"mem_x"}]}}]`,
		`[{"op":"remove","path":"members[value eq \"x\"]"}]`, `[{"op":"add","path":"emails[type eq \"work\"].value","value":1}]`, `[{"op":"replace","path":"name","value":null}]`,
	} {
		f.Add(operations)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var operations any
		if json.Unmarshal([]byte(text), &operations) != nil {
			return
		}
		body := map[string]any{"schemas": []any{patchMessage}, "Operations": operations}
		if parsed, err := userType().parsePatch(body); err == nil {
			somebody := directory.Person{DirectoryPerson: database.DirectoryPerson{UserName: "ann", Email: "a@x.example"}}
			if patched, err := patchUser(somebody, parsed); err == nil {
				_, _ = userType().validate(patched)
			}
		}
		if parsed, err := groupType().parsePatch(body); err == nil {
			_, _ = groupSteps(parsed)
		}
	})
}
