package typeid_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/typeid"
)

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		uuid string
		text string
	}{
		{"no bit", "00000000-0000-0000-0000-000000000000", "org_00000000000000000000000000"},
		{"lowest bit", "00000000-0000-0000-0000-000000000001", "org_00000000000000000000000001"},
		{"last digit of the first place", "00000000-0000-0000-0000-00000000001f", "org_0000000000000000000000000z"},
		{"carry to the second place", "00000000-0000-0000-0000-000000000020", "org_00000000000000000000000010"},
		{"lowest bit of the high half", "00000000-0000-0001-0000-000000000000", "org_0000000000000g000000000000"},
		{"highest bit", "80000000-0000-0000-0000-000000000000", "org_40000000000000000000000000"},
		{"every bit", "ffffffff-ffff-ffff-ffff-ffffffffffff", "org_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{"digits up", "0110c853-1d09-52d8-d73e-1194e95b5f19", "org_0123456789abcdefghjkmnpqrs"},
		{"digits to the end", "ea5b1ae7-c232-9d2b-6be3-3adf3bef8022", "org_7abcdefghjkmnpqrstvwxyz012"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := typeid.New(typeid.Organization, uuid.MustParse(test.uuid))
			if got := want.String(); got != test.text {
				t.Errorf("String() = %q, want %q", got, test.text)
			}
			got, err := typeid.Parse(test.text)
			if err != nil || got != want {
				t.Errorf("Parse(%q) = %v, %v, want %v", test.text, got, err, want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		says string
	}{
		{"nothing", "", "a prefix, an underscore"},
		{"no underscore", "org00000000000000000000000001", "a prefix, an underscore"},
		{"bare UUID", "018f2b1c-8c1e-7a7b-8c1e-018f2b1c8c1e", "a prefix, an underscore"},
		{"bare suffix", "00000000000000000000000001", "a prefix, an underscore"},
		{"empty prefix", "_00000000000000000000000001", "unknown prefix"},
		{"unknown prefix", "foo_00000000000000000000000001", "unknown prefix"},
		{"upper-case prefix", "ORG_00000000000000000000000001", "unknown prefix"},
		{"space before", " org_00000000000000000000000001", "unknown prefix"},
		{"prefix of two parts", "org_usr_00000000000000000000000001", "26 characters"},
		{"empty suffix", "org_", "26 characters"},
		{"short", "org_0000000000000000000000001", "26 characters"},
		{"long", "org_000000000000000000000000001", "26 characters"},
		{"more than 128 bits", "org_80000000000000000000000000", "0 to 7"},
		{"upper-case suffix", "org_0000000000000000000000000Z", "lower-case"},
		{"i for 1", "org_0000000000000000000000000i", "lower-case"},
		{"l for 1", "org_0000000000000000000000000l", "lower-case"},
		{"o for 0", "org_0000000000000000000000000o", "lower-case"},
		{"u", "org_0000000000000000000000000u", "lower-case"},
		{"hyphen", "org_0000000000000-000000000001", "lower-case"},
		{"line end", "org_0000000000000000000000000\n", "lower-case"},
		{"number of more than 64 bits", "lin_0000000000000g000000000000", "out of range"},
		{"negative number", "lin_00000000000008000000000000", "out of range"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id, err := typeid.Parse(test.text)
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("Parse(%q) = %v, %v, want INVALID", test.text, id, err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("Parse(%q) says %q, want it to say %q", test.text, err, test.says)
			}
		})
	}
}

func TestParseQuotesLittle(t *testing.T) {
	t.Parallel()
	_, err := typeid.Parse(strings.Repeat("x", 1<<20))
	if len(err.Error()) > 200 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[a-z]{3}$`)
	seen := map[typeid.Kind]bool{}
	for _, kind := range typeid.Kinds() {
		if !shape.MatchString(string(kind)) || seen[kind] {
			t.Errorf("kind %q is twice in the list or not three lower-case letters", kind)
		}
		seen[kind] = true
		id := typeid.New(kind, uuid.UUID{15: 1})
		if got, err := typeid.Parse(id.String()); err != nil || got != id {
			t.Errorf("Parse(%q) = %v, %v", id, got, err)
		}
	}
	if typeid.Kind("").Known() || typeid.Kind("foo").Known() {
		t.Error("a kind outside the list is known")
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 31, 32, 1 << 40, math.MaxInt64} {
		id := typeid.Number(typeid.CostLine, n)
		got, err := typeid.Parse(id.String())
		if err != nil || got.Int64() != n {
			t.Errorf("Parse(%q).Int64() = %d, %v, want %d", id, got.Int64(), err, n)
		}
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	id := typeid.New(typeid.User, uuid.UUID{0: 7})
	key, err := id.Expect("userId", typeid.User)
	if err != nil || key != id.UUID {
		t.Errorf("Expect(usr) = %v, %v", key, err)
	}
	_, err = id.Expect("organizationId", typeid.Organization)
	if diff := cmp.Diff(fault.Invalid, fault.CodeOf(err)); diff != "" {
		t.Errorf("Expect(org) -want +got\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	type box struct{ ID typeid.ID }
	want := box{typeid.New(typeid.Project, uuid.MustParse("018f2b1c-8c1e-7a7b-8c1e-018f2b1c8c1e"))}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got box
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s read back is %v, %v", text, got, err)
	}
	if _, err := json.Marshal(box{}); err == nil {
		t.Error("the zero ID has a text")
	}
}

func TestRoundTripAndOrder(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var previous typeid.ID
	for range effort.Cases(100_000) {
		var key uuid.UUID
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		id := typeid.New(typeid.User, key)
		got, err := typeid.Parse(id.String())
		if err != nil || got != id {
			t.Fatalf("seed %d: Parse(%q) = %v, %v", seed, id, got, err)
		}
		if !previous.IsZero() && (previous.String() < id.String()) != (previous.UUID.String() < id.UUID.String()) {
			t.Fatalf("seed %d: %s and %s sort otherwise than their keys", seed, previous, id)
		}
		previous = id
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"org_00000000000000000000000001", "lin_7zzzzzzzzzzzzzzzzzzzzzzzzz", "usr_", "_", "", "org_0000000000000000000000000Z", "grp_\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := typeid.Parse(s)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid || !id.IsZero() {
				t.Fatalf("Parse(%q) = %v, %v", s, id, err)
			}
			return
		}
		if id.String() != s {
			t.Fatalf("Parse(%q) is written %q: two texts name one thing", s, id)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := typeid.Parse("org_01hzxk8m3qfc2t4w6y8a0b2c4d"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkString(b *testing.B) {
	id := typeid.New(typeid.Organization, uuid.MustParse("018f2b1c-8c1e-7a7b-8c1e-018f2b1c8c1e"))
	b.ReportAllocs()
	for b.Loop() {
		_ = id.String()
	}
}
