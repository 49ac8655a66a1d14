package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ticketmessage"
	"github.com/headwater-platform/headwater/page"
)

// supportName is who answers, to those who may not know who it was.
const supportName = "Support"

// Message is one text in a ticket.
type Message struct {
	// AuthorName is who wrote it, or that it was support.
	AuthorName  string
	FromSupport bool
	Body        string
	CreatedAt   time.Time

	AuthorID uuid.UUID
	Authors  *batch.Siblings
}

// MessageConnection is a page of messages.
type MessageConnection struct {
	Edges    []MessageEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many messages there are on all pages.
func (c *MessageConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// MessageEdge is a message in a page.
type MessageEdge struct {
	Cursor string
	Node   *Message
}

// Messages returns a page of the texts of a ticket, the first one first.
func (s *Service) Messages(ctx context.Context, t *Ticket, args page.Args) (*MessageConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, t.Siblings, key{window}, t.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*MessageConnection, error) {
		return s.messagePages(ctx, ids, window)
	})
}

// messagePages reads a page of each ticket's messages. The tickets were found by
// the viewer.
func (s *Service) messagePages(ctx context.Context, tickets []uuid.UUID, window page.Window) (map[uuid.UUID]*MessageConnection, error) {
	order := database.Order{}
	modify, err := order.Page(window, ticketmessage.FieldTicketID)
	if err != nil {
		return nil, err
	}
	where := ticketmessage.TicketIDIn(tickets...)
	query := s.db.Client().TicketMessage.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	shown, err := s.wrapMessages(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(tickets, window, rows,
		func(row *ent.TicketMessage) uuid.UUID { return row.TicketID },
		func(row *ent.TicketMessage) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.TicketMessage) MessageEdge {
			return MessageEdge{Cursor: cursor, Node: shown[row.ID]}
		},
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var rows []struct {
				TicketID uuid.UUID `json:"ticket_id"`
				Count    int       `json:"count"`
			}
			err := s.db.Client().TicketMessage.Query().Where(where).GroupBy(ticketmessage.FieldTicketID).Aggregate(ent.Count()).Scan(ctx, &rows)
			if err != nil {
				return nil, fmt.Errorf("count messages: %w", err)
			}
			counted := make(map[uuid.UUID]int, len(rows))
			for _, row := range rows {
				counted[row.TicketID] = row.Count
			}
			return batch.Counts(ids, counted), nil
		})
	connections := make(map[uuid.UUID]*MessageConnection, len(parts))
	for id, part := range parts {
		connections[id] = &MessageConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// wrapMessages shows messages, by id. Who answered for the platform is known to
// those who read it.
func (s *Service) wrapMessages(ctx context.Context, rows []*ent.TicketMessage) (map[uuid.UUID]*Message, error) {
	runs, err := s.runsPlatform(ctx, access.PlatformRead)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.AuthorID
	}
	authors := batch.Of(ids...)
	shown := make(map[uuid.UUID]*Message, len(rows))
	for _, row := range rows {
		m := &Message{
			AuthorName: row.AuthorName, FromSupport: row.FromSupport, Body: row.Body, CreatedAt: row.CreatedAt.UTC(),
			AuthorID: row.AuthorID, Authors: authors,
		}
		if m.FromSupport && !runs {
			m.AuthorName = supportName
		}
		shown[row.ID] = m
	}
	return shown, nil
}
