package scalar_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/graph/scalar"
	"github.com/headwater-platform/headwater/typeid"
)

func written(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

// TestScalarsComeBack reads what was written, and sees it written the same.
func TestScalarsComeBack(t *testing.T) {
	t.Parallel()
	id := typeid.New(typeid.Organization, uuid.MustParse("01a1fd55-7a80-7000-8000-000000000001")).String()
	for name, tt := range map[string]struct {
		in    any
		want  string
		again func(v any) (string, error)
	}{
		"an id":            {id, `"` + id + `"`, roundTrip(scalar.UnmarshalID, scalar.MarshalID)},
		"a decimal":        {"1.10", `"1.1"`, roundTrip(scalar.UnmarshalDecimal, scalar.MarshalDecimal)},
		"a small decimal":  {"-0.000000000000000001", `"-0.000000000000000001"`, roundTrip(scalar.UnmarshalDecimal, scalar.MarshalDecimal)},
		"a currency":       {"EUR", `"EUR"`, roundTrip(scalar.UnmarshalCurrency, scalar.MarshalCurrency)},
		"a month":          {"2026-11", `"2026-11"`, roundTrip(scalar.UnmarshalMonth, scalar.MarshalMonth)},
		"a time":           {"2026-11-21T09:00:00Z", `"2026-11-21T09:00:00Z"`, roundTrip(scalar.UnmarshalTime, scalar.MarshalTime)},
		"a time elsewhere": {"2026-11-21T10:00:00.5+01:00", `"2026-11-21T09:00:00.5Z"`, roundTrip(scalar.UnmarshalTime, scalar.MarshalTime)},
		"a finer time":     {"2026-11-21T09:00:00.123456789Z", `"2026-11-21T09:00:00.123456Z"`, roundTrip(scalar.UnmarshalTime, scalar.MarshalTime)},
		"JSON":             {map[string]any{"a": []any{json.Number("1"), nil, "x"}}, `{"a":[1,null,"x"]}`, roundTrip(scalar.UnmarshalJSON, scalar.MarshalJSON)},
		"a large number":   {json.Number("12345678901234567890.5"), `12345678901234567890.5`, roundTrip(scalar.UnmarshalJSON, scalar.MarshalJSON)},
		"a revision":       {"9007199254740993", `"9007199254740993"`, roundTrip(scalar.UnmarshalRevision, scalar.MarshalRevision)},
		"a group role":     {"org:admin", `"org:admin"`, roundTrip(scalar.UnmarshalGroupRole, scalar.MarshalGroupRole)},
		"a permission":     {"settings:write", `"settings:write"`, roundTrip(scalar.UnmarshalPermission, scalar.MarshalPermission)},
	} {
		got, err := tt.again(tt.in)
		if err != nil || compact(got) != tt.want {
			t.Errorf("%s: %v becomes %s, %v; want %s", name, tt.in, got, err, tt.want)
		}
	}
}

func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}

func roundTrip[T any](read func(any) (T, error), write func(T) graphql.Marshaler) func(any) (string, error) {
	return func(v any) (string, error) {
		value, err := read(v)
		if err != nil {
			return "", err
		}
		return written(write(value)), nil
	}
}

// TestBadLiteralsAreInvalid gives every scalar what it cannot be.
func TestBadLiteralsAreInvalid(t *testing.T) {
	t.Parallel()
	var (
		idOf       = reading(scalar.UnmarshalID)
		decimalOf  = reading(scalar.UnmarshalDecimal)
		currencyOf = reading(scalar.UnmarshalCurrency)
		monthOf    = reading(scalar.UnmarshalMonth)
		timeOf     = reading(scalar.UnmarshalTime)
		revisionOf = reading(scalar.UnmarshalRevision)
		roleOf     = reading(scalar.UnmarshalGroupRole)
		permOf     = reading(scalar.UnmarshalPermission)
	)
	everywhere := []any{nil, true, json.Number("7"), int64(7), 7.5, []any{}, map[string]any{}, "", " ", "abc", "\x00"}
	for name, tt := range map[string]struct {
		read func(any) error
		more []any
	}{
		"an id":        {idOf, []any{"org_", "org_01h455vb4pex5vsknk084sn02", "ORG_01h455vb4pex5vsknk084sn02q", "org_01h455vb4pex5vsknk084sn02u", strings.Repeat("x", 10_000)}},
		"a decimal":    {decimalOf, []any{"1,5", "1.5.5", "0x10", "NaN", "Infinity", "1 000", strings.Repeat("9", 50)}},
		"a currency":   {currencyOf, []any{"euro", "€"}},
		"a month":      {monthOf, []any{"2026-13", "2026-00", "2026-1", "11-2026", "2026-11-01"}},
		"a time":       {timeOf, []any{"2026-11-21", "2026-11-21 09:00:00", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"}},
		"a revision":   {revisionOf, []any{"-1", "1.5", "99999999999999999999"}},
		"a group role": {roleOf, []any{"org:owner", "ORG:ADMIN", "admin"}},
		"a permission": {permOf, []any{"settings:*", "org:everything"}},
	} {
		for _, bad := range append(append([]any{}, everywhere...), tt.more...) {
			if code := fault.CodeOf(tt.read(bad)); code != fault.Invalid {
				t.Errorf("%s of %.40v: %q, want INVALID", name, bad, code)
			}
		}
	}
	if _, err := scalar.UnmarshalJSON(func() {}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("JSON of a function: %v", err)
	}
}

func reading[T any](read func(any) (T, error)) func(any) error {
	return func(v any) error {
		_, err := read(v)
		return err
	}
}

// TestMessagesAreShort does not throw long input back.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for name, read := range map[string]func(any) error{
		"an id": reading(scalar.UnmarshalID), "a decimal": reading(scalar.UnmarshalDecimal), "a currency": reading(scalar.UnmarshalCurrency),
		"a month": reading(scalar.UnmarshalMonth), "a time": reading(scalar.UnmarshalTime), "a permission": reading(scalar.UnmarshalPermission),
	} {
		var f *fault.Error
		if err := read(long); !errors.As(err, &f) || len(f.Message) > 500 {
			t.Errorf("%s: a message of %d bytes", name, len(f.Message))
		}
	}
}

func TestNothingIsNull(t *testing.T) {
	t.Parallel()
	if got := written(scalar.MarshalJSON(nil)); got != "null" {
		t.Errorf("no JSON is written as %s", got)
	}
	if got := written(scalar.MarshalTime(time.Date(2026, 11, 21, 10, 0, 0, 999, time.FixedZone("x", 3600)))); got != `"2026-11-21T09:00:00Z"` {
		t.Errorf("a time is written as %s", got)
	}
	if got := written(scalar.MarshalGroupRole(access.RoleAdmin)); got != `"org:admin"` {
		t.Errorf("a role is written as %s", got)
	}
}
