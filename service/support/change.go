package support

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Bounds of a ticket: its subject and product in characters, a text in bytes.
const (
	maxSubject = 200
	maxProduct = 64
	maxBody    = 20000
)

// NewTicket is what openTicket is asked for.
type NewTicket struct {
	Organization uuid.UUID
	Subject      string
	Description  string
	Priority     Priority
	Product      string
	// Resource is what it is about, nil for nothing.
	Resource *uuid.UUID
}

// Open opens a ticket of an organization, which every member may, also while it
// is locked or deactivated. NOT_FOUND for a resource that the viewer does not
// see, INVALID for texts that are missing or too long.
func (s *Service) Open(ctx context.Context, n NewTicket) (*Ticket, error) {
	org, err := s.records.Check(ctx, access.TicketsOpen, n.Organization)
	if err != nil {
		return nil, err
	}
	n.Subject, n.Product = strings.TrimSpace(n.Subject), strings.TrimSpace(n.Product)
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.Ticket
	_, err = s.db.Write(ctx, database.Entry{Action: "openTicket", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if n.Resource != nil {
			if err := checkResource(ctx, tx, org, *n.Resource); err != nil {
				return err
			}
		}
		name, err := authorName(ctx, tx)
		if err != nil {
			return err
		}
		row, err = tx.Ticket.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetSubject(n.Subject).SetProduct(n.Product).SetNillableResourceID(n.Resource).
			SetPriority(ticket.Priority(n.Priority)).SetStatus(ticket.StatusOPEN).
			SetCreatedBy(uuid.UUID(access.ViewerFrom(ctx).ID)).SetCreatedByName(name).
			SetUpdatedAt(tx.Now()).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("open ticket: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Ticket, ID: row.ID, Organization: org.ID, After: row})
		return write(ctx, tx, row, name, n.Description, false)
	})
	if err != nil {
		return nil, err
	}
	return wrapTickets([]*ent.Ticket{row})[0], nil
}

func (n NewTicket) check() error {
	switch length := utf8.RuneCountInString(n.Subject); {
	case length == 0 || length > maxSubject:
		return fault.Invalidf("subject", "a subject has 1 to %d characters", maxSubject)
	case utf8.RuneCountInString(n.Product) > maxProduct:
		return fault.Invalidf("product", "a product has at most %d characters", maxProduct)
	}
	return checkBody("description", n.Description)
}

func checkBody(field, body string) error {
	if strings.TrimSpace(body) == "" || len(body) > maxBody {
		return fault.Invalidf(field, "a text has 1 to %d bytes", maxBody)
	}
	return nil
}

// checkResource returns NOT_FOUND unless the organization has a resource that
// the viewer sees.
func checkResource(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) error {
	row, err := tx.Resource.Query().Where(resource.ID(id), resource.OrganizationID(org.ID)).Only(ctx)
	if ent.IsNotFound(err) {
		return fault.Missing("resource")
	}
	if err != nil {
		return fmt.Errorf("find resource: %w", err)
	}
	if access.Check(access.ViewerFrom(ctx), access.ResourcesRead, org.Target().In(orgtree.ID(row.ProjectID))) != nil {
		return fault.Missing("resource")
	}
	return nil
}

// authorName returns the display name of whoever writes.
func authorName(ctx context.Context, tx *database.Tx) (string, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return viewer.Name, nil
	}
	row, err := tx.User.Get(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return "", fmt.Errorf("get author: %w", err)
	}
	return row.Name, nil
}

// write adds a text to a ticket.
func write(ctx context.Context, tx *database.Tx, to *ent.Ticket, author, body string, fromSupport bool) error {
	row, err := tx.TicketMessage.Create().
		SetID(tx.NewID()).SetOrganizationID(to.OrganizationID).SetTicketID(to.ID).
		SetAuthorID(uuid.UUID(access.ViewerFrom(ctx).ID)).SetAuthorName(author).SetFromSupport(fromSupport).
		SetBody(body).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.TicketMessage, ID: row.ID, Organization: row.OrganizationID, After: row})
	return nil
}

// partyOf returns as whom the viewer acts on a ticket: as the customer who
// opened it or holds tickets:write where it was opened, whatever the state of
// the organization, or as support with platform:write. On the platform's own
// tickets those who run it are support, but for their own. FORBIDDEN for others.
func (s *Service) partyOf(ctx context.Context, row *ent.Ticket, org records.Organization) (party, error) {
	viewer := access.ViewerFrom(ctx)
	runs, err := s.runsPlatform(ctx, access.PlatformWrite)
	if err != nil {
		return "", err
	}
	isCreator := row.CreatedBy == uuid.UUID(viewer.ID)
	if runs && !isCreator && org.Kind == orgtree.Platform {
		return theSupport, nil
	}
	if here, ok := viewer.In(orgtree.ID(org.ID)); ok {
		inUse := org.Target()
		inUse.Status = orgtree.Active
		if isCreator || access.Check(here, access.TicketsWrite, inUse) == nil {
			return theCustomer, access.Check(here, access.TicketsOpen, org.Target())
		}
	}
	if runs {
		return theSupport, nil
	}
	return "", fault.New(fault.Forbidden, "this needs the permission %s", access.TicketsWrite)
}

// moved is a ticket that takes a step.
type moved struct {
	row *ent.Ticket
	by  party
}

// move takes a step with a ticket: apply changes it further.
func (s *Service) move(ctx context.Context, action string, id uuid.UUID, expectedVersion *int, taken step, apply func(ctx context.Context, tx *database.Tx, m moved, set *ent.TicketUpdateOne) error) (*Ticket, error) {
	found, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	by, err := s.partyOf(ctx, found, org)
	if err != nil {
		return nil, err
	}
	var after *ent.Ticket
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockTicket(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, expectedVersion); err != nil {
			return err
		}
		to, err := next(Status(row.Status), taken, by)
		if err != nil {
			return err
		}
		set := row.Update().SetStatus(ticket.Status(to)).SetUpdatedAt(tx.Now()).SetVersion(row.Version + 1)
		if err := apply(ctx, tx, moved{row: row, by: by}, set); err != nil {
			return err
		}
		after, err = set.Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Ticket, ID: id, Organization: org.ID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapTickets([]*ent.Ticket{after})[0], nil
}

func lockTicket(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Ticket, error) {
	query := tx.Ticket.Query().Where(ticket.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("ticket")
	}
	if err != nil {
		return nil, fmt.Errorf("lock ticket: %w", err)
	}
	return row, nil
}

// Reply adds a text to a ticket that is not closed. That of support waits for
// the customer, who is told by mail; that of the customer opens it again.
func (s *Service) Reply(ctx context.Context, id uuid.UUID, body string) (*Ticket, error) {
	if err := checkBody("body", body); err != nil {
		return nil, err
	}
	return s.move(ctx, "replyTicket", id, nil, replying, func(ctx context.Context, tx *database.Tx, m moved, _ *ent.TicketUpdateOne) error {
		name, err := authorName(ctx, tx)
		if err != nil {
			return err
		}
		if err := write(ctx, tx, m.row, name, body, m.by == theSupport); err != nil {
			return err
		}
		return tell(ctx, tx, m)
	})
}

// Prioritize changes how much a ticket matters.
func (s *Service) Prioritize(ctx context.Context, id uuid.UUID, priority Priority, expectedVersion *int) (*Ticket, error) {
	return s.move(ctx, "setTicketPriority", id, expectedVersion, prioritizing, func(_ context.Context, _ *database.Tx, _ moved, set *ent.TicketUpdateOne) error {
		set.SetPriority(ticket.Priority(priority))
		return nil
	})
}

// Resolve says for support that a ticket is answered. The customer is told by
// mail, and may reply or close it.
func (s *Service) Resolve(ctx context.Context, id uuid.UUID, expectedVersion *int) (*Ticket, error) {
	return s.move(ctx, "resolveTicket", id, expectedVersion, resolving, func(ctx context.Context, tx *database.Tx, m moved, _ *ent.TicketUpdateOne) error {
		return tell(ctx, tx, m)
	})
}

// Close ends a ticket: the customer at any time, support once it is resolved.
func (s *Service) Close(ctx context.Context, id uuid.UUID, expectedVersion *int) (*Ticket, error) {
	return s.move(ctx, "closeTicket", id, expectedVersion, closing, func(_ context.Context, tx *database.Tx, _ moved, set *ent.TicketUpdateOne) error {
		set.SetClosedAt(tx.Now())
		return nil
	})
}

// Reopen opens a ticket again that is resolved, or was closed within 14 days. It
// is for the customer.
func (s *Service) Reopen(ctx context.Context, id uuid.UUID, expectedVersion *int) (*Ticket, error) {
	return s.move(ctx, "reopenTicket", id, expectedVersion, reopening, func(_ context.Context, tx *database.Tx, m moved, set *ent.TicketUpdateOne) error {
		set.ClearClosedAt()
		return checkReopening(m.row.ClosedAt, tx.Now())
	})
}

// tell writes a letter about what support did to whoever opened the ticket, or
// to the owner where they are gone or no person.
func tell(ctx context.Context, tx *database.Tx, m moved) error {
	if m.by != theSupport {
		return nil
	}
	rows, err := tx.Membership.Query().
		Where(
			membership.OrganizationID(m.row.OrganizationID),
			membership.Or(membership.UserID(m.row.CreatedBy), membership.Owner(true)),
		).
		All(ctx)
	if err != nil {
		return fmt.Errorf("find whom to tell: %w", err)
	}
	var to uuid.UUID
	for _, row := range rows {
		if row.UserID == m.row.CreatedBy || to == uuid.Nil {
			to = row.UserID
		}
	}
	if to == uuid.Nil {
		return nil
	}
	return records.Post(ctx, tx, records.Letter{Template: records.TicketLetter, Organization: m.row.OrganizationID, User: to, Ticket: m.row.ID})
}
