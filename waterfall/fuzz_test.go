package waterfall

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// FuzzResolve folds directives that follow from the input and tries every law
// that does not need the design's own words.
func FuzzResolve(f *testing.F) {
	for n := range uint64(32) {
		f.Add(n, n*n)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		random := rand.New(rand.NewPCG(a, b))
		all := definitions()
		w := newWorld(random, all[random.IntN(len(all))], mutant{})
		for _, l := range []law{{check: soundness}, {check: prefixCaching}, {check: counterfactual}, {check: clampNecessity}} {
			if why := l.check(w); why != "" {
				t.Fatalf("%s: %s%s", w.definition.Key, why, showSteps(w.steps))
			}
		}
		r := w.fold(w.steps).resolution()
		for i := range r.Chain {
			if r.Because(i, func(Origin) string { return "somebody" }) == "" {
				t.Errorf("nothing to say about entry %d of\n%s", i, show(r))
			}
		}
	})
}

// FuzzParse reads arbitrary text as values, operations and guards of every
// type. What is accepted is valid JSON and reads back as itself.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`true`, `5`, `"PT5S"`, `"a"`, `["a","b"]`, `{"a/x":5,"*":1}`, `{"append":["a"]}`, `null`, `{"a":"\u0000"}`, `[[`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, d := range definitions() {
			if v, err := d.ParseValue([]byte(raw)); err == nil {
				again, err := d.ParseValue(v.Reveal())
				if err != nil || !again.Equal(v) || !json.Valid(v.JSON()) {
					t.Errorf("%s: %q reads as %s and then as %s, %v", d.Key, raw, v.Reveal(), again.Reveal(), err)
				}
			}
			for _, kind := range OperationKind("").Values() {
				if op, err := d.ParseOperation(OperationKind(kind), []byte(raw)); err == nil {
					checkEncoding(t, d, op)
				}
			}
			if op, err := d.DecodeOperation([]byte(raw)); err == nil {
				checkEncoding(t, d, op)
			}
			if g, err := d.DecodeGuard([]byte(raw)); err == nil {
				if _, err := d.DecodeGuard(must(g.Encode())); err != nil {
					t.Errorf("%s: guard %q does not read back: %v", d.Key, raw, err)
				}
			}
		}
	})
}

func checkEncoding(t *testing.T, d *Definition, op Operation) {
	t.Helper()
	encoded := must(op.Encode())
	decoded, err := d.DecodeOperation(encoded)
	if err != nil || !decoded.Equal(op) {
		t.Errorf("%s: %s decodes as %s, %v", d.Key, encoded, decoded.parts(true), err)
	}
	if shown := op.Requested(); shown != nil && !json.Valid(shown) {
		t.Errorf("%s: %s is shown as %q", d.Key, encoded, shown)
	}
}
