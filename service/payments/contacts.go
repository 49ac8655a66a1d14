package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingcontact"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Contact is an address that is told about an organization's bills.
type Contact struct {
	ID           typeid.ID
	Organization *records.Reference
	Name         string
	Email        string
	CreatedAt    time.Time

	home uuid.UUID
}

// Identity returns the id.
func (c *Contact) Identity() typeid.ID { return c.ID }

// NewContact is what addBillingContact is asked for.
type NewContact struct {
	Organization uuid.UUID
	Name         string
	Email        string
}

// The bounds of contacts: of a name in characters, and how many there are.
const (
	maxName     = 200
	maxContacts = 20
)

func (n NewContact) check() error {
	if !fault.IsLine(n.Name, maxName) {
		return fault.Invalidf("name", "a name is one line of at most %d printable characters", maxName)
	}
	if err := roster.CheckEmail("email", n.Email); err != nil {
		return err
	}
	return nil
}

// AddContact has an address told about an organization's statements, its budget
// and payment methods that expire. Needs billing:write by being there. INVALID for
// what is no address, CONFLICT for one that is told already, LIMIT_EXCEEDED beyond
// 20.
func (s *Service) AddContact(ctx context.Context, n NewContact) (*Contact, error) {
	org, err := s.checkOwn(ctx, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.BillingContact
	_, err = s.db.Write(ctx, database.Entry{Action: "addBillingContact", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := tx.BillingContact.Query().Where(billingcontact.OrganizationID(org.ID)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count contacts: %w", err)
		}
		if there >= maxContacts {
			return fault.New(fault.LimitExceeded, "an organization has at most %d billing contacts", maxContacts)
		}
		row, err = tx.BillingContact.Create().SetID(tx.NewID()).SetOrganizationID(org.ID).
			SetName(n.Name).SetEmail(n.Email).SetCreatedAt(tx.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("create contact: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingContact, ID: row.ID, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapContact(ctx, org, row), nil
}

// RemoveContact has an address not told any more. Needs what AddContact needs;
// NOT_FOUND for one that the viewer does not see.
func (s *Service) RemoveContact(ctx context.Context, id uuid.UUID) error {
	seen, err := s.Contact(ctx, id)
	if err != nil {
		return err
	}
	org, err := s.checkOwn(ctx, seen.home)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "removeBillingContact", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := tx.BillingContact.Get(ctx, id)
		if ent.IsNotFound(err) {
			return fault.Missing("billing contact")
		}
		if err != nil {
			return fmt.Errorf("get contact: %w", err)
		}
		if err := tx.BillingContact.DeleteOne(before).Exec(ctx); err != nil {
			return fmt.Errorf("delete contact: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingContact, ID: id, Organization: org.ID, Before: before})
		return nil
	})
	return err
}

// Contact returns a contact of an organization whose bills the viewer reads, or
// NOT_FOUND.
func (s *Service) Contact(ctx context.Context, id uuid.UUID) (*Contact, error) {
	row, err := s.db.Client().BillingContact.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("billing contact")
	}
	if err != nil {
		return nil, fmt.Errorf("get contact: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !records.ReadsBillsOf(ctx, org) {
		return nil, fault.Missing("billing contact")
	}
	return wrapContact(ctx, org, row), nil
}

func wrapContact(ctx context.Context, org records.Organization, row *ent.BillingContact) *Contact {
	return &Contact{
		ID: typeid.New(typeid.BillingContact, row.ID), Organization: org.Refer(ctx), Name: row.Name, Email: row.Email,
		CreatedAt: row.CreatedAt.UTC(), home: org.ID,
	}
}

// ContactConnection is a page of contacts.
type ContactConnection struct {
	Edges    []ContactEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many contacts there are on all pages.
func (c *ContactConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// ContactEdge is a contact in a page.
type ContactEdge struct {
	Cursor string
	Node   *Contact
}

// Contacts returns a page of an organization's contacts, the oldest first: none
// for viewers who do not read its bills. INVALID for arguments out of bounds.
func (s *Service) Contacts(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*ContactConnection, error) {
	type key struct{ contacts page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ContactConnection, error) {
		return s.contactPages(ctx, ids, window)
	})
}

func (s *Service) contactPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*ContactConnection, error) {
	organizations, seen, err := s.records.Seen(ctx, ids, records.ReadsBillsOf)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, billingcontact.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().BillingContact.Query().Where(billingcontact.OrganizationIDIn(seen...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	contacts := make([]*Contact, len(rows))
	for i, row := range rows {
		contacts[i] = wrapContact(ctx, organizations[row.OrganizationID], row)
	}
	parts := batch.Parts(ids, window, contacts,
		func(c *Contact) uuid.UUID { return c.home },
		func(c *Contact) string { return order.Cursor("", c.ID.UUID.String()) },
		func(cursor string, c *Contact) ContactEdge { return ContactEdge{Cursor: cursor, Node: c} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countContacts(ctx, ids, seen)
		})
	pages := make(map[uuid.UUID]*ContactConnection, len(parts))
	for id, part := range parts {
		pages[id] = &ContactConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countContacts(ctx context.Context, ids, seen []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().BillingContact.Query().Where(billingcontact.OrganizationIDIn(seen...)).
		GroupBy(billingcontact.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count contacts: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
