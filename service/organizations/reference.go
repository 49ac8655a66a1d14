package organizations

import (
	"context"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// lastDay is the last day of a month on which a new customer reference still
// reaches the bill of the month.
const lastDay = 25

// maxReference is how many characters a customer reference has at most.
const maxReference = 100

// reference is a manager's own name for a customer, as bills show it.
type reference struct {
	value string
	// from is the first month whose bill shows the value, or no month if it always
	// has. before is what earlier bills show.
	from   pricing.Month
	before string
}

// become returns the reference once it was changed at a time: from this month on
// until the 25th, from the next month on after that. What bills showed until
// then stays.
func (r reference) become(value string, at time.Time) reference {
	if value == r.value {
		return r
	}
	from := pricing.MonthOf(at)
	if at.UTC().Day() > lastDay {
		from = from.Next()
	}
	before := r.value
	if r.from == from {
		before = r.before // The value that is replaced was on no bill yet.
	}
	return reference{value: value, from: from, before: before}
}

// store puts the reference into an update.
func (r reference) store(set *ent.OrganizationUpdateOne) {
	set.SetCustomerReference(r.value).SetCustomerReferenceBefore(r.before)
	if !r.from.IsZero() {
		set.SetCustomerReferenceMonth(r.from.String())
	}
}

// referenceOf returns the customer reference of a row.
func referenceOf(row *ent.Organization) reference {
	r := reference{value: row.CustomerReference, before: row.CustomerReferenceBefore}
	if row.CustomerReferenceMonth != nil {
		if month, err := pricing.ParseMonth(*row.CustomerReferenceMonth); err == nil {
			r.from = month
		}
	}
	return r
}

func checkReference(text string) error {
	if len([]rune(text)) > maxReference {
		return fault.Invalidf("customerReference", "a customer reference has at most %d characters", maxReference)
	}
	return nil
}

// CustomerReference returns the manager's name for the customer, or nil where
// there is none or the viewer does not manage it.
func (s *Service) CustomerReference(ctx context.Context, o *Organization) (*string, error) {
	return s.ofManagers(ctx, o, o.reference.value)
}

// CustomerReferenceBefore returns what bills of the months before
// CustomerReferenceFrom show, or nil as CustomerReference does.
func (s *Service) CustomerReferenceBefore(ctx context.Context, o *Organization) (*string, error) {
	return s.ofManagers(ctx, o, o.reference.before)
}

// CustomerReferenceFrom returns the first month whose bill shows the reference,
// or nil if it was never changed or the viewer does not manage the organization.
func (s *Service) CustomerReferenceFrom(ctx context.Context, o *Organization) (*pricing.Month, error) {
	if shown, err := s.ofManagers(ctx, o, o.reference.from.String()); err != nil || shown == nil {
		return nil, err
	}
	return &o.reference.from, nil
}

// ofManagers returns a text to those who manage the organization; nil to others
// and for no text.
func (s *Service) ofManagers(ctx context.Context, o *Organization, text string) (*string, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	record, err := s.recordOf(ctx, o)
	if err != nil {
		return nil, err
	}
	manager, _ := record.Manager()
	manages := access.CheckThrough(access.ViewerFrom(ctx), access.PartnerRead, record.Target(), orgtree.ID(manager.ID)) == nil
	if !manages {
		return nil, nil //nolint:nilnil // it is the manager's business
	}
	return &text, nil
}
