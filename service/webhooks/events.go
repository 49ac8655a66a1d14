package webhooks

import (
	"context"
	"slices"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
)

// EventType is something that webhooks can be told about.
type EventType struct {
	Name        string
	Description string

	// bills says that it tells what the organization pays or is paid.
	bills bool
}

// EventTypes returns what webhooks can be told about.
func EventTypes() []*EventType {
	return []*EventType{
		{string(records.ThresholdReached), "A threshold of an allocation was reached. Of an organization and its groups; its manager is told, too, by webhooks that include managed organizations.", false},
		{string(records.BudgetAlertReached), "A part of the organization's budget is spent.", true},
		{string(records.StatementIssued), "A statement was issued. Both sides are told, and side says on which side the organization is.", true},
		{string(records.StatementPaid), "A statement was paid, as its seller says. Both sides are told.", true},
		{string(records.StatementVoided), "A statement was taken back. Both sides are told.", true},
		{string(records.StatementCredited), "A credit note was issued. Both sides are told.", true},
	}
}

// EventTypes returns what webhooks can be told about. It returns UNAUTHENTICATED
// for nobody.
func (s *Service) EventTypes(ctx context.Context) ([]*EventType, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	return EventTypes(), nil
}

// checkEvents returns INVALID for names of no events.
func checkEvents(names []string) error {
	known := EventTypes()
	if len(names) == 0 || len(names) > len(known) {
		return fault.Invalidf("events", "a webhook has 1 to %d events", len(known))
	}
	for i, name := range names {
		if !slices.ContainsFunc(known, func(e *EventType) bool { return e.Name == name }) {
			return fault.Invalidf("events", "there is no event %.100q", name)
		}
		if slices.Contains(names[:i], name) {
			return fault.Invalidf("events", "%s is named twice", name)
		}
	}
	return nil
}

// checkMayHear returns FORBIDDEN unless the viewer may read what the events tell,
// so that a webhook is no way around that.
func checkMayHear(ctx context.Context, org records.Organization, names []string, includeManaged bool) error {
	viewer, reads := access.ViewerFrom(ctx), records.ReadsBillsOf(ctx, org)
	for _, e := range EventTypes() {
		if !slices.Contains(names, e.Name) || reads {
			continue
		}
		if e.bills {
			return fault.New(fault.Forbidden, "this needs the permission %s", access.BillingRead)
		}
		if err := access.Check(viewer, access.AllocationsWrite, org.Target()); err != nil {
			return err
		}
	}
	if !includeManaged {
		return nil
	}
	if !org.Kind.CanManage() {
		return fault.Invalidf("includeManaged", "%s manages no organizations", org.Name)
	}
	return access.Check(viewer, access.PartnerLimits, org.Target())
}
