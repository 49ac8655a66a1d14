package resolvers

import (
	"context"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// node returns the thing that an id names, or NOT_FOUND.
func (r *Resolver) node(ctx context.Context, id typeid.ID) (typeid.Identified, error) {
	switch id.Kind {
	case typeid.Organization:
		return found(r.Organizations.Get(ctx, id.UUID))
	case typeid.User:
		return found(r.People.User(ctx, id.UUID))
	case typeid.Application:
		return found(r.People.Application(ctx, id.UUID))
	case typeid.APIKey:
		return found(r.Keys.Get(ctx, id.UUID))
	case typeid.Membership:
		return found(r.People.Membership(ctx, id.UUID))
	case typeid.Group:
		return found(r.Groups.Get(ctx, id.UUID))
	case typeid.Project:
		return found(r.Projects.Get(ctx, id.UUID))
	case typeid.SSHKey:
		return found(r.Projects.SSHKey(ctx, id.UUID))
	case typeid.Resource:
		return found(r.Resources.Get(ctx, id.UUID))
	case typeid.Policy:
		return found(r.Policies.Get(ctx, id.UUID))
	case typeid.Invitation:
		return found(r.Invitations.Get(ctx, id.UUID))
	case typeid.AccessRequest:
		return found(r.Requests.Get(ctx, id.UUID))
	case typeid.Notice:
		return found(r.Requests.Notice(ctx, id.UUID))
	case typeid.Ticket:
		return found(r.Support.Get(ctx, id.UUID))
	case typeid.Announcement:
		return found(r.Platform.Announcement(ctx, id.UUID))
	case typeid.Job:
		return found(r.Jobs.Get(ctx, id.UUID))
	case typeid.Multiplier:
		return found(r.Rates.Get(ctx, id.UUID))
	case typeid.PriceGuard:
		return found(r.Rates.Guard(ctx, id.UUID))
	case typeid.UsageImport:
		return found(r.Usage.Get(ctx, id.UUID))
	case typeid.UsageMapping:
		return found(r.Usage.Mapping(ctx, id.UUID))
	case typeid.Allocation:
		return found(r.Allocations.Get(ctx, id.UUID))
	case typeid.CreditNote:
		return found(r.Statements.CreditNote(ctx, id.UUID))
	case typeid.Discount:
		return found(r.Terms.Discount(ctx, id.UUID))
	case typeid.Voucher:
		return found(r.Terms.Voucher(ctx, id.UUID))
	case typeid.SupportFee:
		return found(r.Terms.SupportFee(ctx, id.UUID))
	case typeid.TaxRate:
		return found(r.Terms.TaxRate(ctx, id.UUID))
	case typeid.Statement:
		return found(r.Statements.Get(ctx, id.UUID))
	case typeid.Threshold:
		return found(r.Allocations.Threshold(ctx, id.UUID))
	case typeid.BillingContact:
		return found(r.Payments.Contact(ctx, id.UUID))
	case typeid.PaymentMethod:
		return found(r.Payments.Method(ctx, id.UUID))
	case typeid.Webhook:
		return found(r.Webhooks.Get(ctx, id.UUID))
	case typeid.WebhookDelivery:
		return found(r.Webhooks.Delivery(ctx, id.UUID))
	case typeid.BudgetAlert:
		return found(r.Budgets.Alert(ctx, id.UUID))
	case typeid.CloudAccount:
		return found(r.Usage.CloudAccount(ctx, id.UUID))
	case typeid.BillingUnit:
		return found(r.Usage.BillingUnit(ctx, id.UUID))
	case typeid.SKU:
		return found(r.Usage.SKU(ctx, id.UUID))
	case typeid.UsageEvent:
		return found(r.Usage.Event(ctx, id.UUID))
	case typeid.IdentityProvider:
		return found(r.Identity.Provider(ctx, id.UUID))
	case typeid.LinkedIdentity:
		return found(r.Identity.LinkedIdentity(ctx, id.UUID))
	case typeid.TrustedIssuer:
		return found(r.Identity.Issuer(ctx, id.UUID))
	case typeid.TrustedSubject:
		return found(r.Identity.Subject(ctx, id.UUID))
	default:
		return nil, fault.Missing("object")
	}
}

// found keeps a nil pointer of a failed look-up from becoming an interface that
// is not nil.
func found[T typeid.Identified](thing T, err error) (typeid.Identified, error) {
	if err != nil {
		return nil, err
	}
	return thing, nil
}
