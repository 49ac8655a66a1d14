package statements

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Side says on which side of a statement an organization is.
type Side string

// The sides.
const (
	Buyer  Side = "BUYER"
	Seller Side = "SELLER"
)

// Connection is a page of statements.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many statements there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a statement in a page.
type Edge struct {
	Cursor string
	Node   *Statement
}

// side is how statements are found on one side.
type side struct {
	column string
	in     func(ids ...uuid.UUID) predicate.Statement
	of     func(row *ent.Statement) uuid.UUID
	seen   func(ctx context.Context, org records.Organization) bool
}

func sideOf(s Side) side {
	if s == Seller {
		return side{
			statement.FieldSellerID, statement.SellerIDIn,
			func(row *ent.Statement) uuid.UUID { return row.SellerID }, records.SeesPricesOf,
		}
	}
	return side{
		statement.FieldBuyerID, statement.BuyerIDIn,
		func(row *ent.Statement) uuid.UUID { return row.BuyerID }, records.ReadsBillsOf,
	}
}

// Of returns a page of the statements of an organization, as a buyer or a seller,
// the latest first: none for viewers who do not read its bills or see its prices.
// INVALID for arguments out of bounds.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, on Side, args page.Args) (*Connection, error) {
	type key struct {
		on     Side
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{on, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, sideOf(on), window)
	})
}

func (s *Service) pages(ctx context.Context, ids []uuid.UUID, on side, window page.Window) (map[uuid.UUID]*Connection, error) {
	_, readable, err := s.records.Seen(ctx, ids, on.seen)
	if err != nil {
		return nil, err
	}
	order := database.Order{Descending: true}
	modify, err := order.Page(window, on.column)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Statement.Query().Where(on.in(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	wrapped, err := s.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	places := make(map[*Statement]uuid.UUID, len(rows))
	for i, row := range rows {
		places[wrapped[i]] = on.of(row)
	}
	parts := batch.Parts(ids, window, wrapped,
		func(st *Statement) uuid.UUID { return places[st] },
		func(st *Statement) string { return order.Cursor("", st.ID.UUID.String()) },
		func(cursor string, st *Statement) Edge { return Edge{Cursor: cursor, Node: st} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, readable, on)
		})
	pages := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		pages[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) count(ctx context.Context, ids, readable []uuid.UUID, on side) (map[uuid.UUID]int, error) {
	var rows []struct {
		SellerID uuid.UUID `json:"seller_id"`
		BuyerID  uuid.UUID `json:"buyer_id"`
		Count    int       `json:"count"`
	}
	err := s.db.Client().Statement.Query().Where(on.in(readable...)).
		GroupBy(on.column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count statements: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[on.of(&ent.Statement{SellerID: row.SellerID, BuyerID: row.BuyerID})] = row.Count
	}
	return batch.Counts(ids, counted), nil
}

// Line is one amount of a statement, in whole minor units.
type Line struct {
	Provider       string
	Service        string
	ChargeCategory pricing.ChargeCategory
	Amount         money.Amount
}

// Label returns what a line is about, in words.
func (l *Line) Label() string {
	label := l.Service
	if l.Provider != "" {
		label = l.Provider + " · " + label
	}
	if word := categoryWords()[l.ChargeCategory]; word != "" {
		label += " (" + word + ")"
	}
	return label
}

// categoryWords are what is said of charges that are no usage.
func categoryWords() map[pricing.ChargeCategory]string {
	return map[pricing.ChargeCategory]string{
		pricing.Purchase: "purchase", pricing.Tax: "tax", pricing.Credit: "credit", pricing.Adjustment: "adjustment",
	}
}

// LineConnection is a page of lines.
type LineConnection struct {
	Edges    []LineEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many lines there are on all pages.
func (c *LineConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// LineEdge is a line in a page.
type LineEdge struct {
	Cursor string
	Node   *Line
}

// Lines returns a page of the lines of a statement that the viewer sees, in their
// order. INVALID for arguments out of bounds.
func (s *Service) Lines(ctx context.Context, st *Statement, args page.Args) (*LineConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	ctx = asSystem(ctx) // whoever sees the statement sees its lines
	return batch.Load(ctx, st.Siblings, window, st.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*LineConnection, error) {
		var order database.Order
		modify, err := order.Page(window, statementline.FieldStatementID)
		if err != nil {
			return nil, err
		}
		query := s.db.Client().StatementLine.Query().Where(statementline.StatementIDIn(ids...)).WithStatement()
		query.Modify(modify)
		rows, err := query.All(ctx)
		if err != nil {
			return nil, fmt.Errorf("list statement lines: %w", err)
		}
		wrapped, err := wrapLines(rows)
		if err != nil {
			return nil, err
		}
		positions := make(map[*Line]*ent.StatementLine, len(rows))
		for i, row := range rows {
			positions[wrapped[i]] = row
		}
		parts := batch.Parts(ids, window, wrapped,
			func(l *Line) uuid.UUID { return positions[l].StatementID },
			func(l *Line) string { return order.Cursor("", positions[l].ID.String()) },
			func(cursor string, l *Line) LineEdge { return LineEdge{Cursor: cursor, Node: l} },
			s.countLines)
		pages := make(map[uuid.UUID]*LineConnection, len(parts))
		for id, part := range parts {
			count := part.Count
			pages[id] = &LineConnection{Edges: part.Edges, PageInfo: part.Info, count: func(ctx context.Context) (int, error) { return count(asSystem(ctx)) }}
		}
		return pages, nil
	})
}

func wrapLines(rows []*ent.StatementLine) ([]*Line, error) {
	lines := make([]*Line, len(rows))
	for i, row := range rows {
		amount, err := money.Parse(row.Amount)
		if err != nil {
			return nil, fmt.Errorf("read statement line: %w", err)
		}
		lines[i] = &Line{
			Provider: row.Provider, Service: row.Service, ChargeCategory: pricing.ChargeCategory(row.ChargeCategory),
			Amount: money.Amount{Decimal: amount, Currency: money.Currency(row.Edges.Statement.Currency)},
		}
	}
	return lines, nil
}

func (s *Service) countLines(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		StatementID uuid.UUID `json:"statement_id"`
		Count       int       `json:"count"`
	}
	err := s.db.Client().StatementLine.Query().Where(statementline.StatementIDIn(ids...)).
		GroupBy(statementline.FieldStatementID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count statement lines: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.StatementID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
