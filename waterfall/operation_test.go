package waterfall_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

func lookup(t *testing.T, key string) *waterfall.Definition {
	t.Helper()
	d, found := catalogue.Lookup(key)
	if !found {
		t.Fatalf("no setting %s", key)
	}
	return d
}

// TestThen joins writes to one directive, each "KIND value".
func TestThen(t *testing.T) {
	t.Parallel()
	const set, dict = "policies.approved_regions", "variables"
	for _, tt := range []struct {
		name, key string
		writes    []string
		kind      waterfall.OperationKind
		requested string
		encoded   string
	}{
		{"set", "customize.locale", []string{`SET "de"`, `SET "fr"`}, "SET", `"fr"`, `{"set":"fr"}`},
		{"replace of a text is a set", "customize.locale", []string{`REPLACE "de"`}, "SET", `"de"`, `{"set":"de"}`},
		{"reset", "customize.locale", []string{`SET "de"`, `RESET `}, "RESET", ``, `{"reset":true}`},
		{"append", set, []string{`APPEND ["b"]`, `APPEND ["a"]`}, "APPEND", `["a","b"]`, `{"append":["a","b"]}`},
		{"remove", set, []string{`REMOVE ["b"]`, `REMOVE ["a"]`}, "REMOVE", `["a","b"]`, `{"remove":["a","b"]}`},
		{"the later edit of an element wins", set, []string{`APPEND ["a","b"]`, `REMOVE ["b"]`}, "EDIT", `{"append":["a"],"remove":["b"]}`, `{"append":["a"],"remove":["b"]}`},
		{"an element comes back", set, []string{`REMOVE ["b"]`, `APPEND ["b"]`}, "APPEND", `["b"]`, `{"append":["b"]}`},
		{"append to a replacement", set, []string{`REPLACE ["a"]`, `APPEND ["b"]`}, "REPLACE", `["a","b"]`, `{"replace":["a","b"]}`},
		{"remove from a replacement", set, []string{`SET ["a","b"]`, `REMOVE ["b","c"]`}, "REPLACE", `["a"]`, `{"replace":["a"]}`},
		{"replace forgets", set, []string{`APPEND ["a"]`, `REPLACE ["b"]`}, "REPLACE", `["b"]`, `{"replace":["b"]}`},
		{"an empty replacement", set, []string{`REPLACE []`}, "REPLACE", `[]`, `{"replace":[]}`},
		{"reset and edit", set, []string{`APPEND ["x"]`, `RESET `, `APPEND ["a"]`, `REMOVE ["b"]`}, "EDIT", `{"reset":true,"append":["a"],"remove":["b"]}`, `{"reset":true,"append":["a"],"remove":["b"]}`},
		{"keys of a map", dict, []string{`SET {"B":"1"}`, `SET {"A":"2","B":"3"}`}, "SET", `{"A":"2","B":"3"}`, `{"set":{"A":"2","B":"3"}}`},
		{"a tombstone", dict, []string{`SET {"A":"1"}`, `REMOVE ["A"]`}, "REMOVE", `["A"]`, `{"remove":["A"]}`},
		{"both", dict, []string{`REMOVE ["A"]`, `SET {"B":"1"}`}, "EDIT", `{"set":{"B":"1"},"remove":["A"]}`, `{"set":{"B":"1"},"remove":["A"]}`},
		{"a whole map", dict, []string{`REPLACE {"A":"1","B":"2"}`, `REMOVE ["A"]`}, "REPLACE", `{"B":"2"}`, `{"replace":{"B":"2"}}`},
		{"a secret", dict, []string{`SET {"A":{"value":"s","secret":true}}`}, "SET", `{"A":{"secret":true}}`, `{"set":{"A":{"secret":true,"value":"s"}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := lookup(t, tt.key)
			var op waterfall.Operation
			for i, write := range tt.writes {
				kind, value, _ := strings.Cut(write, " ")
				next, err := d.ParseOperation(waterfall.OperationKind(kind), []byte(value))
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					op = next
				} else {
					op = op.Then(next)
				}
			}
			if op.Kind() != tt.kind || string(op.Requested()) != tt.requested {
				t.Errorf("shown as %s %s, want %s %s", op.Kind(), op.Requested(), tt.kind, tt.requested)
			}
			encoded, err := op.Encode()
			if err != nil || string(encoded) != tt.encoded {
				t.Errorf("encoded as %s, %v, want %s", encoded, err, tt.encoded)
			}
			if decoded, err := d.DecodeOperation(encoded); err != nil || !decoded.Equal(op) {
				t.Errorf("decoded as %s, %v", decoded.Requested(), err)
			}
			if err := d.Fits(op); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseOperationRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, kind, value, field string }{
		{"customize.locale", "APPEND", `["de"]`, "operation"},
		{"customize.locale", "REMOVE", `["de"]`, "operation"},
		{"customize.locale", "EDIT", `"de"`, "operation"},
		{"customize.locale", "MERGE", `"de"`, "operation"},
		{"customize.locale", "SET", ``, "value"},
		{"customize.locale", "SET", `null`, "value"},
		{"customize.locale", "RESET", `"de"`, "value"},
		{"customize.sidebar", "APPEND", `["users"]`, "operation"},
		{"variables", "APPEND", `{"A":"1"}`, "operation"},
		{"variables", "EDIT", `{"set":{}}`, "operation"},
		{"variables", "REMOVE", `{"A":"1"}`, "value"},
		{"variables", "REMOVE", `["1A"]`, "value"},
		{"variables", "REMOVE", `["A","A"]`, "value"},
		{"variables", "REMOVE", `[1]`, "value"},
		{"variables", "SET", `{}`, "value"},
		{"policies.approved_regions", "APPEND", `[]`, "value"},
		{"policies.approved_regions", "REMOVE", `"eu-1"`, "value"},
		{"authentication.methods", "REPLACE", `[]`, "value"},
	} {
		t.Run(tt.key+" "+tt.kind+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			_, err := lookup(t, tt.key).ParseOperation(waterfall.OperationKind(tt.kind), []byte(tt.value))
			wantInvalid(t, err, tt.field)
		})
	}
}

func TestDecodeOperationRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, encoded string }{
		{"customize.locale", ``},
		{"customize.locale", `{}`},
		{"customize.locale", `"de"`},
		{"customize.locale", `{"replace":"de"}`},
		{"customize.locale", `{"set":"not a language"}`},
		{"policies.approved_regions", `{}`},
		{"policies.approved_regions", `{"append":["a"],"remove":["a"]}`},
		{"policies.approved_regions", `{"replace":["a"],"remove":["b"]}`},
		{"policies.approved_regions", `{"set":["a"]}`},
		{"variables", `{"append":{"A":"1"}}`},
		{"variables", `{"remove":["A"],"unknown":1}`},
	} {
		if op, err := lookup(t, tt.key).DecodeOperation([]byte(tt.encoded)); err == nil {
			t.Errorf("%s: %s decodes as %s", tt.key, tt.encoded, op.Requested())
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	d := lookup(t, "authentication.methods")
	replace, err := d.ParseOperation(waterfall.OperationReplace, []byte(`["oidc"]`))
	if err != nil {
		t.Fatal(err)
	}
	remove, err := d.ParseOperation(waterfall.OperationRemove, []byte(`["oidc"]`))
	if err != nil {
		t.Fatal(err)
	}
	wantInvalid(t, d.Fits(replace.Then(remove)), "value")
	if _, err := (waterfall.Operation{}).Encode(); err == nil {
		t.Error("no operation at all was encoded")
	}
}

func TestParseGuard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, guard string
		// encoded is what is kept, field what an error names.
		encoded, field string
	}{
		{"quotas.users", `{"min":1,"max":5}`, `{"min":1,"max":5}`, ""},
		{"quotas.users", `{"max":5,"allowed":null}`, `{"max":5}`, ""},
		{"quotas.users", `{"min":6,"max":5}`, "", "min"},
		{"quotas.users", `{"max":"5"}`, "", "max"},
		{"quotas.users", `{"max":-1}`, "", "max"},
		{"quotas.users", `{}`, "", "allowed"},
		{"quotas.users", `{"allowed":[5]}`, "", "allowed"},
		{"quotas.users", `{"max":5,"required":[5]}`, "", "required"},
		{"authentication.session_max_duration", `{"max":"PT8H"}`, `{"max":"PT8H"}`, ""},
		{"authentication.session_max_duration", `{"min":"P1M"}`, "", "min"},
		{"authentication.mfa_required", `{"allowed":[true]}`, `{"allowed":[true]}`, ""},
		{"authentication.mfa_required", `{"allowed":[]}`, "", "allowed"},
		{"authentication.mfa_required", `{"allowed":["true"]}`, "", "allowed"},
		{"authentication.mfa_required", `{"min":false}`, "", "min"},
		{"billing.rounding", `{"allowed":["UP","HALF_EVEN"]}`, `{"allowed":["HALF_EVEN","UP"]}`, ""},
		{"billing.rounding", `{"allowed":["AWAY"]}`, "", "allowed"},
		{"billing.rounding", `{"allowed":"UP"}`, "", "allowed"},
		{"policies.approved_regions", `{"allowed":["b","a"],"required":["a"]}`, `{"allowed":["a","b"],"required":["a"]}`, ""},
		{"policies.approved_regions", `{"allowed":[]}`, `{"allowed":[]}`, ""},
		{"policies.approved_regions", `{"allowed":["a"],"required":["b"]}`, "", "required"},
		{"policies.approved_regions", `{"required":["a","a"]}`, "", "required"},
		{"policies.approved_regions", `{"max":["a"]}`, "", "max"},
		{"authentication.methods", `{"allowed":[]}`, "", "allowed"},
		{"cloud.instance_limits", `{"max":{"*":5,"aws/*":3}}`, `{"max":{"*":5,"aws/*":3}}`, ""},
		{"cloud.instance_limits", `{"min":{"aws/c5":4},"max":{"*":3}}`, "", "min"},
		{"cloud.instance_limits", `{"max":5}`, "", "max"},
		{"cloud.instance_limits", `{"min":{"c5":1}}`, "", "min"},
		{"cloud.instance_limits", `{"allowed":["*"]}`, "", "allowed"},
		{"customize.theme", `{"allowed":["a"]}`, "", "allowed"},
		{"customize.sidebar", `{"required":["users"]}`, "", "required"},
		{"customize.locale", `{"max":"z"}`, "", "max"},
	} {
		t.Run(tt.key+" "+tt.guard, func(t *testing.T) {
			t.Parallel()
			g, err := lookup(t, tt.key).DecodeGuard([]byte(tt.guard))
			if tt.field != "" {
				wantInvalid(t, err, tt.field)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if encoded, err := g.Encode(); err != nil || string(encoded) != tt.encoded {
				t.Errorf("encoded as %s, %v, want %s", encoded, err, tt.encoded)
			}
		})
	}
}

func wantInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Invalid || f.Field != field {
		t.Errorf("got %v, want INVALID for the field %s", err, field)
	}
}
