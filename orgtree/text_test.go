package orgtree_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/orgtree"
)

const idText = "01890a5d-ac96-774b-bcce-b302099a8057"

func someID() orgtree.ID {
	return orgtree.ID{0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57}
}

func TestIDText(t *testing.T) {
	t.Parallel()
	for text, id := range map[string]orgtree.ID{
		idText:                                 someID(),
		"00000000-0000-0000-0000-000000000000": {},
		"ffffffff-ffff-ffff-ffff-ffffffffffff": {
			255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		},
	} {
		written, err := id.MarshalText()
		if string(written) != text || err != nil || id.String() != text {
			t.Errorf("%s was written as %s: %v", text, written, err)
		}
		var read orgtree.ID
		if err := read.UnmarshalText([]byte(text)); err != nil || read != id {
			t.Errorf("%s was read as %s: %v", text, read, err)
		}
		if err := read.UnmarshalText([]byte(strings.ToUpper(text))); err != nil || read != id {
			t.Errorf("%s in capitals was read as %s: %v", text, read, err)
		}
	}
}

// TestNoIDText reads what is no id: it says so and leaves the id as it was.
func TestNoIDText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":            "",
		"one digit less":     idText[:35],
		"one digit more":     idText + "0",
		"no hyphens":         strings.ReplaceAll(idText, "-", ""),
		"no hyphens, spaces": strings.ReplaceAll(idText, "-", " "),
		"a hyphen elsewhere": "01890a5da-c96-774b-bcce-b302099a8057",
		"no digit":           "g" + idText[1:],
		"a hyphen as digit":  "-" + idText[1:],
		"in braces":          "{" + idText + "}",
		"of an URN":          "urn:uuid:" + idText,
		"not of this script": strings.Repeat("é", 18),
	} {
		id := someID()
		if err := id.UnmarshalText([]byte(text)); err == nil || id != someID() {
			t.Errorf("%s, %q, was read as %s: %v", name, text, id, err)
		}
	}
}

// TestIDInJSON writes ids as values and as keys.
func TestIDInJSON(t *testing.T) {
	t.Parallel()
	type things struct {
		One  orgtree.ID         `json:"one"`
		Many []orgtree.ID       `json:"many"`
		Keys map[orgtree.ID]int `json:"keys"`
	}
	written, err := json.Marshal(things{One: someID(), Many: []orgtree.ID{someID()}, Keys: map[orgtree.ID]int{someID(): 1}})
	const want = `{"one":"` + idText + `","many":["` + idText + `"],"keys":{"` + idText + `":1}}`
	if string(written) != want || err != nil {
		t.Errorf("%s: %v", written, err)
	}
	var read things
	if err := json.Unmarshal(written, &read); err != nil || read.One != someID() || read.Keys[someID()] != 1 {
		t.Errorf("%+v: %v", read, err)
	}
}

// TestCompareIDs orders ids as their texts are.
func TestCompareIDs(t *testing.T) {
	t.Parallel()
	ids := []orgtree.ID{{}, {15: 1}, {0: 1}, {0: 1, 15: 1}, {0: 0x0f}, {0: 0xf0}, {0: 0xff}, someID()}
	for _, a := range ids {
		for _, b := range ids {
			if got, want := sign(a.Compare(b)), cmp.Compare(a.String(), b.String()); got != want {
				t.Errorf("%s and %s: %d, want %d", a, b, got, want)
			}
		}
	}
	slices.SortFunc(ids, orgtree.ID.Compare)
	if !slices.IsSortedFunc(ids, func(a, b orgtree.ID) int { return cmp.Compare(a.String(), b.String()) }) {
		t.Errorf("%v", ids)
	}
}

func sign(n int) int { return cmp.Compare(n, 0) }

// FuzzID reads any text as an id: what is read is what another reader of the same
// form reads, and is written as it was, in small letters.
func FuzzID(f *testing.F) {
	f.Add(idText)
	f.Add(strings.ToUpper(idText))
	f.Add("{" + idText + "}")
	f.Add("01890a5d-ac96-774b-bcce-b302099a805-")
	f.Fuzz(func(t *testing.T, text string) {
		var id orgtree.ID
		err := id.UnmarshalText([]byte(text))
		other, otherErr := uuid.Parse(text)
		if len(text) == 36 && (err == nil) != (otherErr == nil) || err == nil && len(text) != 36 {
			t.Fatalf("%q: %v, another reader says %v", text, err, otherErr)
		}
		if err != nil {
			if !id.IsZero() {
				t.Errorf("%q is no id and was read as %s", text, id)
			}
			return
		}
		if id != orgtree.ID(other) || id.String() != strings.ToLower(text) {
			t.Errorf("%q was read as %s, by another reader as %s", text, id, other)
		}
	})
}
