package statements

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/creditnote"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
)

// CreditConnection is a page of credit notes.
type CreditConnection struct {
	Edges    []CreditEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many credit notes there are on all pages.
func (c *CreditConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// CreditEdge is a credit note in a page.
type CreditEdge struct {
	Cursor string
	Node   *CreditNote
}

// creditsBy is how credit notes are found by what they are about or by a party.
type creditsBy struct {
	column string
	in     func(ids ...uuid.UUID) predicate.CreditNote
	of     func(row *ent.CreditNote) uuid.UUID
	order  database.Order
}

func creditsByStatement() creditsBy {
	return creditsBy{creditnote.FieldStatementID, creditnote.StatementIDIn, func(row *ent.CreditNote) uuid.UUID { return row.StatementID }, database.Order{}}
}

func creditsBySide(on Side) creditsBy {
	latest := database.Order{Descending: true}
	if on == Seller {
		return creditsBy{creditnote.FieldSellerID, creditnote.SellerIDIn, func(row *ent.CreditNote) uuid.UUID { return row.SellerID }, latest}
	}
	return creditsBy{creditnote.FieldBuyerID, creditnote.BuyerIDIn, func(row *ent.CreditNote) uuid.UUID { return row.BuyerID }, latest}
}

// CreditNotes returns a page of the credit notes of a statement that the viewer
// sees, the oldest first. INVALID for arguments out of bounds.
func (s *Service) CreditNotes(ctx context.Context, st *Statement, args page.Args) (*CreditConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, st.Siblings, key{window}, st.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*CreditConnection, error) {
		return s.creditPages(ctx, ids, ids, creditsByStatement(), window)
	})
}

// CreditNotesOf returns a page of the credit notes of an organization, as a buyer
// or a seller, the latest first: none for viewers who do not read its bills or see
// its prices. INVALID for arguments out of bounds.
func (s *Service) CreditNotesOf(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, on Side, args page.Args) (*CreditConnection, error) {
	type key struct {
		credits Side
		window  page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{on, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*CreditConnection, error) {
		_, readable, err := s.records.Seen(ctx, ids, sideOf(on).seen)
		if err != nil {
			return nil, err
		}
		return s.creditPages(ctx, ids, readable, creditsBySide(on), window)
	})
}

// creditPages returns a page for each of the ids; that of one that is not readable
// is empty.
func (s *Service) creditPages(ctx context.Context, ids, readable []uuid.UUID, by creditsBy, window page.Window) (map[uuid.UUID]*CreditConnection, error) {
	modify, err := by.order.Page(window, by.column)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().CreditNote.Query().Where(by.in(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list credit notes: %w", err)
	}
	wrapped, err := s.wrapCredits(ctx, rows)
	if err != nil {
		return nil, err
	}
	places := make(map[*CreditNote]uuid.UUID, len(rows))
	for i, row := range rows {
		places[wrapped[i]] = by.of(row)
	}
	parts := batch.Parts(ids, window, wrapped,
		func(n *CreditNote) uuid.UUID { return places[n] },
		func(n *CreditNote) string { return by.order.Cursor("", n.ID.UUID.String()) },
		func(cursor string, n *CreditNote) CreditEdge { return CreditEdge{Cursor: cursor, Node: n} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countCredits(ctx, ids, readable, by)
		})
	pages := make(map[uuid.UUID]*CreditConnection, len(parts))
	for id, part := range parts {
		pages[id] = &CreditConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countCredits(ctx context.Context, ids, readable []uuid.UUID, by creditsBy) (map[uuid.UUID]int, error) {
	var rows []struct {
		StatementID uuid.UUID `json:"statement_id"`
		SellerID    uuid.UUID `json:"seller_id"`
		BuyerID     uuid.UUID `json:"buyer_id"`
		Count       int       `json:"count"`
	}
	err := s.db.Client().CreditNote.Query().Where(by.in(readable...)).
		GroupBy(by.column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count credit notes: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[by.of(&ent.CreditNote{StatementID: row.StatementID, SellerID: row.SellerID, BuyerID: row.BuyerID})] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
