package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	read := map[string]func(raw []byte) error{
		"bool":    func(raw []byte) error { _, err := strictjson.Bool(raw); return err },
		"integer": func(raw []byte) error { _, err := strictjson.Integer(raw); return err },
		"text":    func(raw []byte) error { _, err := strictjson.Text(raw); return err },
		"array":   func(raw []byte) error { _, err := strictjson.Array(raw); return err },
		"object":  func(raw []byte) error { _, err := strictjson.Object(raw); return err },
	}
	for _, tt := range []struct {
		as, raw string
		want    error
	}{
		{"bool", `null`, strictjson.ErrNotBool},
		{"bool", `true false`, strictjson.ErrNotBool},
		{"integer", `1.0`, strictjson.ErrNotInteger},
		{"integer", `1e2`, strictjson.ErrNotInteger},
		{"integer", `+1`, strictjson.ErrNotInteger},
		{"integer", `007`, strictjson.ErrNotInteger},
		{"integer", `9007199254740992`, strictjson.ErrNotInteger},
		{"integer", ``, strictjson.ErrNotInteger},
		{"text", `a`, strictjson.ErrNotText},
		{"text", `"a" "b"`, strictjson.ErrNotText},
		{"text", `"a`, strictjson.ErrNotText},
		{"text", "\"\xff\"", strictjson.ErrBadText},
		{"text", `"\u0000"`, strictjson.ErrBadText},
		{"text", `"\ud800"`, strictjson.ErrBadText},
		{"array", `{}`, strictjson.ErrNotArray},
		{"array", `[1,]`, strictjson.ErrNotJSON},
		{"array", `[1] 2`, strictjson.ErrNotJSON},
		{"array", `[` + strings.Repeat(" ", strictjson.MaxBytes) + `]`, strictjson.ErrTooLong},
		{"object", `[]`, strictjson.ErrNotObject},
		{"object", `{"a":1}}`, strictjson.ErrNotJSON},
		{"object", `{"a":}`, strictjson.ErrNotJSON},
		{"object", `{"a":1,"a":2}`, nil},
		{"object", `{"\u0001":1}`, strictjson.ErrBadText},
		{"object", "{\"\xff\":1}", strictjson.ErrBadText},
		{"object", `{` + strings.Repeat(" ", strictjson.MaxBytes) + `}`, strictjson.ErrTooLong},
	} {
		err := read[tt.as]([]byte(tt.raw))
		if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
			t.Errorf("%s as %s: got %v, want %v", tt.raw[:min(len(tt.raw), 20)], tt.as, err, tt.want)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	if b, err := strictjson.Bool([]byte(" true\n")); !b || err != nil {
		t.Errorf("got %t, %v", b, err)
	}
	if n, err := strictjson.Integer([]byte("-42 ")); n != -42 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if text, err := strictjson.Text([]byte(`"line\n\ttab é \ud83d\ude00"`)); text != "line\n\ttab é 😀" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if members, err := strictjson.Object([]byte(`{"b":{"x":[1]},"a":2}`)); err != nil || len(members) != 2 || members[0].Name != "b" || string(members[0].Value) != `{"x":[1]}` {
		t.Errorf("got %v, %v", members, err)
	}
}

// FuzzText quotes what it reads and reads what it quotes.
func FuzzText(f *testing.F) {
	f.Add(`"a<b>&\"\\"`)
	f.Fuzz(func(t *testing.T, raw string) {
		text, err := strictjson.Text([]byte(raw))
		if err != nil {
			return
		}
		quoted := strictjson.Quote(text)
		again, err := strictjson.Text([]byte(quoted))
		if err != nil || again != text || !json.Valid([]byte(quoted)) {
			t.Errorf("%q is quoted as %s, which reads as %q, %v", text, quoted, again, err)
		}
	})
}
