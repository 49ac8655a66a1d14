// Package scalar reads and writes the scalars of the API.
//
// Every scalar that a client can send is owned here, so that a bad literal is
// INVALID and never a failure of the platform.
package scalar

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/typeid"
)

func quoted(text string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(text)) })
}

// text returns the text of a literal, or INVALID.
func text(v any, noun string) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fault.Invalidf("", "%s is written as a string", noun)
	}
	return s, nil
}

// MarshalID writes an id.
func MarshalID(id typeid.ID) graphql.Marshaler { return quoted(id.String()) }

// UnmarshalID reads an id, or returns INVALID.
func UnmarshalID(v any) (typeid.ID, error) {
	s, err := text(v, "an id")
	if err != nil {
		return typeid.ID{}, err
	}
	return typeid.Parse(s)
}

// MarshalDecimal writes an exact decimal as a string.
func MarshalDecimal(d money.Decimal) graphql.Marshaler { return quoted(d.String()) }

// UnmarshalDecimal reads an exact decimal from a string, or returns INVALID. A
// number is refused, because on its way it may have been through floating point.
func UnmarshalDecimal(v any) (money.Decimal, error) {
	s, err := text(v, "a decimal")
	if err != nil {
		return money.Decimal{}, err
	}
	return money.Parse(s)
}

// MarshalCurrency writes a currency.
func MarshalCurrency(c money.Currency) graphql.Marshaler { return graphql.MarshalString(string(c)) }

// UnmarshalCurrency reads an ISO 4217 code, or returns INVALID.
func UnmarshalCurrency(v any) (money.Currency, error) {
	s, err := text(v, "a currency")
	if err != nil {
		return "", err
	}
	return money.ParseCurrency(s)
}

// MarshalMonth writes a month as 2026-11.
func MarshalMonth(m pricing.Month) graphql.Marshaler { return quoted(m.String()) }

// UnmarshalMonth reads a month, or returns INVALID.
func UnmarshalMonth(v any) (pricing.Month, error) {
	s, err := text(v, "a month")
	if err != nil {
		return 0, err
	}
	return pricing.ParseMonth(s)
}

// MarshalTime writes an instant in UTC to the microsecond.
func MarshalTime(t time.Time) graphql.Marshaler {
	return quoted(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
}

// UnmarshalTime reads an RFC 3339 instant between the years 1 and 9999, or
// returns INVALID.
func UnmarshalTime(v any) (time.Time, error) {
	s, err := text(v, "a time")
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return time.Time{}, fault.Invalidf("", "a time is written as RFC 3339, such as 2026-11-21T09:00:00Z")
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// MarshalJSON writes a JSON value.
func MarshalJSON(value json.RawMessage) graphql.Marshaler {
	if value == nil {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(value) })
}

// UnmarshalJSON reads any JSON value.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Invalidf("", "this is no JSON value")
	}
	return encoded, nil
}

// MarshalRevision writes a revision as a decimal string.
func MarshalRevision(revision int64) graphql.Marshaler {
	return quoted(strconv.FormatInt(revision, 10))
}

// UnmarshalRevision reads a revision, or returns INVALID.
func UnmarshalRevision(v any) (int64, error) {
	s, err := text(v, "a revision")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalidf("", "a revision is a decimal number")
	}
	return n, nil
}

// MarshalGroupRole writes a group role.
func MarshalGroupRole(role access.Role) graphql.Marshaler { return quoted(string(role)) }

// UnmarshalGroupRole reads a group role, or returns INVALID.
func UnmarshalGroupRole(v any) (access.Role, error) {
	s, err := text(v, "a group role")
	if err != nil {
		return "", err
	}
	if !slices.Contains(access.Roles(), access.Role(s)) {
		return "", fault.Invalidf("", "a group role is org:admin, org:settings, org:users or org:groups")
	}
	return access.Role(s), nil
}

// MarshalPermission writes a permission.
func MarshalPermission(p access.Permission) graphql.Marshaler { return quoted(string(p)) }

// UnmarshalPermission reads a permission, or returns INVALID.
func UnmarshalPermission(v any) (access.Permission, error) {
	s, err := text(v, "a permission")
	if err != nil {
		return "", err
	}
	if !access.Permission(s).Known() {
		return "", fault.Invalidf("", "there is no permission %.40q", s)
	}
	return access.Permission(s), nil
}
