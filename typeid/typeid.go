// Package typeid is how ids look to clients: a prefix that says what the thing
// is, an underscore, and 26 characters that hold 128 bits.
//
// It owns the closed list of prefixes and the text form, which is that of
// TypeID 0.3. It does not own the making of UUIDs (the services do) and does
// not say whether a thing exists: inside, keys are plain UUIDs or numbers.
package typeid

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
)

// Kind is the prefix of an id.
type Kind string

// The kinds. The list is closed: a prefix that was once given out is never
// reused for something else.
const (
	Organization    Kind = "org"
	User            Kind = "usr"
	Membership      Kind = "mem"
	Group           Kind = "grp"
	GroupMember     Kind = "gmb" // the place of a principal in a group
	Application     Kind = "app"
	Project         Kind = "prj"
	Policy          Kind = "pol"
	GroupProject    Kind = "gpr" // a project that a group reaches
	Invitation      Kind = "inv"
	AccessRequest   Kind = "req"
	Notice          Kind = "ntc"
	APIKey          Kind = "key"
	SSHKey          Kind = "ssh"
	Session         Kind = "ses"
	Directive       Kind = "dir" // a setting directive
	Plan            Kind = "pln" // a planned change of settings
	Multiplier      Kind = "mul" // a billing multiplier
	PriceGuard      Kind = "pgd" // bounds of the factors of others
	UsageImport     Kind = "imp"
	UsageMapping    Kind = "map"
	CostLine        Kind = "lin" // numbered
	Allocation      Kind = "alc"
	Threshold       Kind = "thr"
	Firing          Kind = "fir" // a threshold that was reached
	Statement       Kind = "stm"
	BillingProfile  Kind = "bpr"
	BillingMonth    Kind = "bmo" // a month that a seller has closed
	BillingContact  Kind = "bct"
	PaymentMethod   Kind = "pmt"
	Budget          Kind = "bud"
	BudgetAlert     Kind = "bal"
	CloudAccount    Kind = "cla"
	BillingUnit     Kind = "unt"
	SKU             Kind = "sku"
	UsageEvent      Kind = "uev"
	MeteringRate    Kind = "mrt" // what a unit or a SKU comes to from an instant on
	Resource        Kind = "res"
	Ticket          Kind = "tkt"
	JournalEntry    Kind = "jrn" // numbered, by its revision
	Webhook         Kind = "whk"
	WebhookDelivery Kind = "dlv"

	IdentityProvider Kind = "idp"
	LinkedIdentity   Kind = "lnk" // what a provider calls a person
	TrustedIssuer    Kind = "iss"
	TrustedSubject   Kind = "tsb" // whom tokens of a trusted issuer stand for
	SupportPlan      Kind = "spp" // a time in which a support plan holds
	TicketMessage    Kind = "tmg"
	Announcement     Kind = "ann"
	Job              Kind = "job"

	TaxRate    Kind = "tax"
	Discount   Kind = "dsc"
	Voucher    Kind = "vch"
	SupportFee Kind = "fee" // of a support plan
	CreditNote Kind = "crn"
)

// Kinds returns every kind.
func Kinds() []Kind {
	all := kinds()
	return all[:]
}

func kinds() [55]Kind {
	return [...]Kind{
		Organization, User, Membership, Group, GroupMember, Application, Project, Policy, GroupProject, Invitation, AccessRequest, Notice, APIKey, SSHKey, Session,
		Directive, Plan, Multiplier, PriceGuard, UsageImport, UsageMapping, CostLine, Allocation, Threshold, Firing, Statement, BillingMonth, BillingProfile,
		BillingContact, PaymentMethod, Budget, BudgetAlert, CloudAccount, BillingUnit, SKU, MeteringRate, UsageEvent,
		Resource, Ticket, JournalEntry, Webhook, WebhookDelivery,
		IdentityProvider, LinkedIdentity, TrustedIssuer, TrustedSubject, SupportPlan, TicketMessage, Announcement, Job,
		TaxRate, Discount, Voucher, SupportFee, CreditNote,
	}
}

// Known reports whether the kind is in the list.
func (k Kind) Known() bool {
	all := kinds()
	return slices.Contains(all[:], k)
}

// Numbered reports whether things of the kind are keyed by a number instead of
// a UUID.
func (k Kind) Numbered() bool { return k == CostLine || k == JournalEntry }

// Identified is anything with an id.
type Identified interface{ Identity() ID }

// ID names one thing of one kind. The zero ID names nothing and has no text.
type ID struct {
	Kind Kind
	UUID uuid.UUID
}

// New returns the id of a thing that is keyed by a UUID.
func New(kind Kind, key uuid.UUID) ID { return ID{Kind: kind, UUID: key} }

// Number returns the id of a thing that is keyed by a number, which must not
// be negative; the number takes the low eight bytes.
func Number(kind Kind, n int64) ID {
	id := ID{Kind: kind}
	binary.BigEndian.PutUint64(id.UUID[8:], uint64(n)) //nolint:gosec // keys of the store are not negative
	return id
}

// Int64 returns the number of a thing that is keyed by one.
func (id ID) Int64() int64 {
	return int64(binary.BigEndian.Uint64(id.UUID[8:])) //nolint:gosec // Number and Parse keep it in range
}

// IsZero reports whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the text form, or "" for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return string(id.Kind) + "_" + encode(id.UUID)
}

// Expect returns the key of an id that must be of the kind. It returns INVALID,
// naming the input field, for any other kind.
func (id ID) Expect(field string, kind Kind) (uuid.UUID, error) {
	if id.Kind != kind {
		return uuid.UUID{}, fault.Invalidf(field, "%q is not the id of this kind of thing, which begins with %s_", id.String(), kind)
	}
	return id.UUID, nil
}

// MarshalText returns the text form. It refuses a kind that is not in the list.
func (id ID) MarshalText() ([]byte, error) {
	if !id.Kind.Known() {
		return nil, fmt.Errorf("write id: unknown kind %q", string(id.Kind))
	}
	return []byte(id.String()), nil
}

// UnmarshalText reads what Parse reads.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Parse reads the text form. Only the canonical form of a known kind is an id,
// so that two texts never name the same thing; all else is INVALID.
func Parse(s string) (ID, error) {
	prefix, suffix, found := strings.Cut(s, "_")
	if !found {
		return ID{}, invalid(s, "an id is a prefix, an underscore and 26 characters")
	}
	kind := Kind(prefix)
	if !kind.Known() {
		return ID{}, invalid(s, "unknown prefix")
	}
	key, problem := decode(suffix)
	if problem != "" {
		return ID{}, invalid(s, problem)
	}
	if kind.Numbered() && !fitsNumber(key) {
		return ID{}, invalid(s, "the number is out of range")
	}
	return ID{Kind: kind, UUID: key}, nil
}

// invalid quotes no more of the input than a real id could be long.
func invalid(s, problem string) error {
	return fault.Invalidf("", "invalid id %.30q: %s", s, problem)
}

func fitsNumber(key uuid.UUID) bool {
	return binary.BigEndian.Uint64(key[:8]) == 0 && key[8] < 0x80
}
