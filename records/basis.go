package records

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Hold is the holder of every change in an organization. Changes of one
// organization wait for each other, so that what one decides upon is not
// changed by another at the same time: who is in a group, what it gives, whose
// hands an application is in. And a change is refused if the viewer has lost a
// right since the request began, or loses one before the change is committed:
// what was answered to whoever took the right away holds from then on. Nobody
// changes anything in an organization that has come to its end: NOT_FOUND.
func (s *Store) Hold(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	status, err := holdOrganization(ctx, tx, organization)
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.IsSystem() || viewer.IsAnonymous() {
		return nil
	}
	if status == orgtree.Deleted {
		return fault.Missing("organization")
	}
	if err := s.checkMaintenance(ctx, tx, viewer, organization); err != nil {
		return err
	}
	revision, err := tx.Revision(ctx)
	if err != nil {
		return err
	}
	now, places, err := s.viewerAt(ctx, tx, revision, viewer)
	if err != nil {
		return err
	}
	if viewer.Lost(now) {
		return fault.New(fault.Conflict, "what you may do here has just changed; ask again")
	}
	resources := []uuid.UUID{uuid.UUID(viewer.ID)}
	for _, id := range []orgtree.ID{viewer.Key, viewer.SignIn.Session, viewer.By.ID} {
		if !id.IsZero() {
			resources = append(resources, uuid.UUID(id))
		}
	}
	tx.RestOn(database.Basis{Revision: revision, Organizations: places, But: withoutRights(), Resources: resources})
	return nil
}

// withoutRights returns the kinds of things that nobody has a right by. Where many
// are served, these change all the time: those below would wait for usage that is
// recorded and limits that are set above them, and be told to ask again.
func withoutRights() []typeid.Kind {
	return []typeid.Kind{
		typeid.UsageImport, typeid.UsageMapping, typeid.UsageEvent, typeid.BillingUnit, typeid.SKU, typeid.MeteringRate, typeid.CloudAccount,
		typeid.Multiplier, typeid.PriceGuard, typeid.Discount, typeid.Voucher, typeid.TaxRate, typeid.SupportFee,
		typeid.BillingMonth, typeid.Statement, typeid.CreditNote, typeid.BillingProfile, typeid.BillingContact, typeid.PaymentMethod,
		typeid.Allocation, typeid.Threshold, typeid.Firing, typeid.Budget, typeid.BudgetAlert, typeid.Resource,
		typeid.Ticket, typeid.TicketMessage, typeid.Notice, typeid.Webhook, typeid.WebhookDelivery,
	}
}

// viewerAt returns a viewer in all of its organizations as it is at a revision
// or later, and these with all above them: from memory if that holds the viewer
// and has heard of the revision, else as the transaction sees it. It reads
// nothing outside of the transaction, which has one of the few connections.
func (s *Store) viewerAt(ctx context.Context, tx *database.Tx, revision int64, viewer access.Viewer) (access.Viewer, []uuid.UUID, error) {
	inside := s.In(tx)
	if !viewer.Key.IsZero() {
		if _, err := inside.BearerOf(ctx, uuid.UUID(viewer.Key), viewer.Circumstances); err != nil {
			return access.Viewer{}, nil, err
		}
	}
	session := Session{Principal: PrincipalID(viewer), SignIn: uuid.UUID(viewer.SignIn.Session), Circumstances: viewer.Circumstances}
	if r, sessions, ok := s.remembers(session.Principal, revision); ok && !viewer.IsImpersonated() {
		now, err := inside.signedIn(ctx, r.under(viewer.Circumstances), session, sessions)
		return now, r.keys(), err
	}
	now, err := inside.Viewer(ctx, session)
	if err != nil {
		return access.Viewer{}, nil, err
	}
	places, err := inside.placesOf(unscoped(ctx), now)
	return now, places, err
}

// remembers returns a principal's viewer and sessions if memory holds them as
// they are at a revision or later.
func (s *Store) remembers(principal typeid.ID, revision int64) (*remembered, map[uuid.UUID]sessionRecord, bool) {
	if s.memory == nil || s.db.Heard() < revision {
		return nil, nil, false
	}
	k, ok := s.memory.get(principal.UUID)
	if !ok || k.record.principal == nil || k.record.principal.locked {
		return nil, nil, false
	}
	r := k.record.principal.viewer.Load()
	return r, k.record.principal.sessions, r != nil && r.current()
}

// keys returns the ids of what the viewer was made of: the principal, and its
// organizations with all above them.
func (r *remembered) keys() []uuid.UUID {
	ids := make([]uuid.UUID, len(r.records))
	for i, k := range r.records {
		ids[i] = k.key
	}
	return ids
}

// placesOf returns the organizations of a viewer with all above them.
func (s *Store) placesOf(ctx context.Context, viewer access.Viewer) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, 0, len(viewer.Standings))
	for id := range viewer.Standings {
		ids = append(ids, uuid.UUID(id))
	}
	organizations, err := s.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, org := range organizations {
		for _, above := range org.Above {
			ids = append(ids, above.ID)
		}
	}
	return ids, nil
}

// checkMaintenance returns FORBIDDEN with the reason MAINTENANCE while the
// platform is being worked on, but for its administrators. Whoever acts in
// somebody's place is one.
func (s *Store) checkMaintenance(ctx context.Context, tx *database.Tx, viewer access.Viewer, organization uuid.UUID) error {
	on, err := s.isMaintained(ctx, tx, organization)
	if err != nil || !on || viewer.IsImpersonated() {
		return err
	}
	root, err := s.In(tx).Root(ctx)
	if err != nil {
		return err
	}
	if access.Check(viewer, access.PlatformWrite, root.Target()) == nil {
		return nil
	}
	return workedOn()
}

func workedOn() error {
	return fault.New(fault.Forbidden, "the platform is being worked on; nothing can be changed until that is done").Because(fault.Maintenance)
}

// CheckMaintenance returns FORBIDDEN with the reason MAINTENANCE while the
// platform is being worked on, but for its administrators: for changes of what
// belongs to no organization, such as an account by its person. Hold asks for all
// others. To sign in, to stay signed in and to sign out changes nothing.
func (s *Store) CheckMaintenance(ctx context.Context) error {
	root, err := s.Root(ctx)
	if err != nil {
		return err
	}
	on, err := s.Value(ctx, root, maintenance)
	if err != nil || !on.Bool() {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.IsImpersonated() || access.Check(viewer, access.PlatformWrite, root.Target()) == nil {
		return nil
	}
	return workedOn()
}

// isMaintained reports whether the platform is being worked on, as the path of
// an organization says.
func (s *Store) isMaintained(ctx context.Context, tx *database.Tx, organization uuid.UUID) (bool, error) {
	if s.memory != nil && s.recalls() {
		if p, ok := s.path(organization); ok && p.err == nil {
			return p.maintenance, nil
		}
	}
	inside := s.In(tx)
	organizations, err := inside.Organizations(ctx, []uuid.UUID{organization})
	if err != nil {
		return false, err
	}
	sayings, err := inside.sayings(ctx, organizations)
	return sayings[organization].maintenance, err
}
