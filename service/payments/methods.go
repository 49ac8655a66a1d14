package payments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Kind is what a payment method is.
type Kind string

// The kinds.
const (
	Card      Kind = "CARD"
	SEPADebit Kind = "SEPA_DEBIT"
)

// Method is how an organization pays.
type Method struct {
	ID           typeid.ID
	Organization *records.Reference
	Kind         Kind
	// Processor keeps the method and knows it by Reference.
	Processor string
	Reference string
	Label     string
	// LastMonth is the last in which it can be used, nil for no end.
	LastMonth *pricing.Month
	IsDefault bool
	CreatedAt time.Time

	home uuid.UUID
}

// Identity returns the id.
func (m *Method) Identity() typeid.ID { return m.ID }

// NewMethod is what addPaymentMethod is asked for.
type NewMethod struct {
	Organization uuid.UUID
	Kind         Kind
	Processor    string
	Reference    string
	Label        string
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
}

// The bounds of a method's texts in characters, and how many an organization has.
const (
	maxProcessor = 50
	maxReference = 200
	maxLabel     = 100
	maxMethods   = 20
)

func (n NewMethod) check(now time.Time) error {
	for _, text := range []struct {
		field, value string
		most         int
	}{{"processor", n.Processor, maxProcessor}, {"reference", n.Reference, maxReference}, {"label", n.Label, maxLabel}} {
		if text.value == "" || !fault.IsLine(text.value, text.most) {
			return fault.Invalidf(text.field, "this is one line of 1 to %d printable characters", text.most)
		}
		if isCardNumber(text.value) {
			return fault.Invalidf(text.field, "this looks like the number of a card, which is not kept here: give the processor's reference")
		}
	}
	if n.LastMonth != nil && *n.LastMonth < pricing.MonthOf(now) {
		return fault.Invalidf("lastMonth", "the payment method has expired")
	}
	return nil
}

// isCardNumber reports whether a text holds what can only be the number of a card:
// 13 to 19 digits, perhaps in groups, whose check digit is right (ISO/IEC 7812-1,
// annex B).
func isCardNumber(text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if len(digits) < 13 || len(digits) > 19 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// AddMethod keeps how an organization pays. Its first method is its default. Needs
// billing:write by being there. INVALID for texts out of bounds, one that looks like
// the number of a card, and an expired one; CONFLICT for a SEPA debit before there
// is a card, and for a reference that is known already; LIMIT_EXCEEDED beyond 20.
func (s *Service) AddMethod(ctx context.Context, n NewMethod) (*Method, error) {
	org, err := s.checkOwn(ctx, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := n.check(s.db.Now()); err != nil {
		return nil, err
	}
	var row *ent.PaymentMethod
	_, err = s.db.Write(ctx, database.Entry{Action: "addPaymentMethod", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := lockMethods(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		if len(there) >= maxMethods {
			return fault.New(fault.LimitExceeded, "an organization has at most %d payment methods", maxMethods)
		}
		if n.Kind == SEPADebit && cards(there) == 0 {
			return fault.New(fault.Conflict, "a SEPA debit needs a card first").Because(fault.PaymentMethodRequired)
		}
		create := tx.PaymentMethod.Create().SetID(tx.NewID()).SetOrganizationID(org.ID).SetKind(paymentmethod.Kind(n.Kind)).
			SetProcessor(n.Processor).SetReference(n.Reference).SetLabel(n.Label).SetIsDefault(len(there) == 0).SetCreatedAt(tx.Now())
		if n.LastMonth != nil {
			create.SetLastMonth(n.LastMonth.String())
		}
		if row, err = create.Save(ctx); err != nil {
			return fmt.Errorf("create payment method: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.PaymentMethod, ID: row.ID, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapMethod(ctx, org, row)
}

// lockMethods returns the methods of an organization, the oldest first. They
// change one after the other.
func lockMethods(ctx context.Context, tx *database.Tx, org uuid.UUID) ([]*ent.PaymentMethod, error) {
	if _, err := roster.LockOrganization(ctx, tx, org); err != nil {
		return nil, err
	}
	rows, err := tx.PaymentMethod.Query().Where(paymentmethod.OrganizationID(org)).Order(ent.Asc(paymentmethod.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list payment methods: %w", err)
	}
	return rows, nil
}

func cards(rows []*ent.PaymentMethod) int {
	n := 0
	for _, row := range rows {
		if row.Kind == paymentmethod.KindCARD {
			n++
		}
	}
	return n
}

// MakeDefault makes a payment method the one that is used first. Needs what
// AddMethod needs; NOT_FOUND for one that the viewer does not see.
func (s *Service) MakeDefault(ctx context.Context, id uuid.UUID) (*Method, error) {
	org, err := s.homeOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var chosen *ent.PaymentMethod
	_, err = s.db.Write(ctx, database.Entry{Action: "setDefaultPaymentMethod", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := lockMethods(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		chosen, err = makeDefault(ctx, tx, there, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wrapMethod(ctx, org, chosen)
}

// makeDefault makes one of an organization's methods its default, and the one
// that was not.
func makeDefault(ctx context.Context, tx *database.Tx, there []*ent.PaymentMethod, id uuid.UUID) (*ent.PaymentMethod, error) {
	var chosen *ent.PaymentMethod
	for _, row := range there {
		switch {
		case row.ID == id:
			chosen = row
		case row.IsDefault:
			if _, err := setDefault(ctx, tx, row, false); err != nil {
				return nil, err
			}
		}
	}
	if chosen == nil {
		return nil, fault.Missing("payment method")
	}
	if chosen.IsDefault {
		return chosen, nil
	}
	return setDefault(ctx, tx, chosen, true)
}

func setDefault(ctx context.Context, tx *database.Tx, before *ent.PaymentMethod, is bool) (*ent.PaymentMethod, error) {
	after, err := before.Update().SetIsDefault(is).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("set the default payment method: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.PaymentMethod, ID: after.ID, Organization: after.OrganizationID, Before: before, After: after})
	return after, nil
}

// RemoveMethod forgets a payment method. After the default the oldest card is it.
// Needs what AddMethod needs; NOT_FOUND for one that the viewer does not see.
// CONFLICT for the last card, and for every card while a statement is to be paid.
func (s *Service) RemoveMethod(ctx context.Context, id uuid.UUID) error {
	org, err := s.homeOf(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "removePaymentMethod", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := lockMethods(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		var gone *ent.PaymentMethod
		var left []*ent.PaymentMethod
		for _, row := range there {
			if row.ID == id {
				gone = row
			} else {
				left = append(left, row)
			}
		}
		if gone == nil {
			return fault.Missing("payment method")
		}
		if err := checkRemoval(ctx, tx, gone, left); err != nil {
			return err
		}
		if err := tx.PaymentMethod.DeleteOne(gone).Exec(ctx); err != nil {
			return fmt.Errorf("delete payment method: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.PaymentMethod, ID: id, Organization: org.ID, Before: gone})
		if !gone.IsDefault {
			return nil
		}
		_, err = makeDefault(ctx, tx, left, firstCard(left))
		return err
	})
	return err
}

// checkRemoval returns CONFLICT for a card that an organization has to keep.
func checkRemoval(ctx context.Context, tx *database.Tx, gone *ent.PaymentMethod, left []*ent.PaymentMethod) error {
	if gone.Kind != paymentmethod.KindCARD {
		return nil
	}
	if cards(left) == 0 {
		return fault.New(fault.Conflict, "the last card stays: add another one first").Because(fault.PaymentMethodRequired)
	}
	owes, err := tx.Statement.Query().
		Where(statement.BuyerID(gone.OrganizationID), statement.StatusEQ(statement.StatusISSUED)).Exist(database.Unguarded(ctx)) // sellers' rows
	if err != nil {
		return fmt.Errorf("look for statements to be paid: %w", err)
	}
	if owes {
		return fault.New(fault.Conflict, "no card is removed while a statement is to be paid").Because(fault.PaymentMethodRequired)
	}
	return nil
}

// firstCard returns the id of the oldest card; there is one.
func firstCard(rows []*ent.PaymentMethod) uuid.UUID {
	for _, row := range rows {
		if row.Kind == paymentmethod.KindCARD {
			return row.ID
		}
	}
	return uuid.Nil
}

// homeOf returns the organization of a method that the viewer may change, or
// NOT_FOUND if they do not see it.
func (s *Service) homeOf(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	seen, err := s.Method(ctx, id)
	if err != nil {
		return records.Organization{}, err
	}
	return s.checkOwn(ctx, seen.home)
}

// Method returns a payment method that the viewer sees, or NOT_FOUND: who reads the
// organization's bills does, and who keeps those of its manager.
func (s *Service) Method(ctx context.Context, id uuid.UUID) (*Method, error) {
	row, err := s.db.Client().PaymentMethod.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("payment method")
	}
	if err != nil {
		return nil, fmt.Errorf("get payment method: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !sees(ctx, org) {
		return nil, fault.Missing("payment method")
	}
	return wrapMethod(ctx, org, row)
}

func wrapMethod(ctx context.Context, org records.Organization, row *ent.PaymentMethod) (*Method, error) {
	m := &Method{
		ID: typeid.New(typeid.PaymentMethod, row.ID), Organization: org.Refer(ctx), Kind: Kind(row.Kind), Processor: row.Processor,
		Reference: row.Reference, Label: row.Label, IsDefault: row.IsDefault, CreatedAt: row.CreatedAt.UTC(), home: org.ID,
	}
	if row.LastMonth == nil {
		return m, nil
	}
	last, err := pricing.ParseMonth(*row.LastMonth)
	if err != nil {
		return nil, fmt.Errorf("payment method %s: last month: %w", row.ID, err)
	}
	m.LastMonth = &last
	return m, nil
}
