package costs

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Line is one line of usage at the price that an organization pays, or at which
// the viewer's organization sold it on.
type Line struct {
	ID                typeid.ID
	ChargePeriodStart time.Time
	ChargePeriodEnd   time.Time
	Provider          string
	Service           string
	SKU               string
	Region            string
	ChargeCategory    pricing.ChargeCategory
	// ChargeClass is nil for a line that corrects nothing.
	ChargeClass *string
	// Description is "" where it may tell what the provider charges the seller.
	Description  string
	Organization *records.Reference
	Amount       money.Amount
	// PriceChain are the edges that the viewer may see, nil for none.
	PriceChain []*records.PriceEdge
}

// Identity returns the id.
func (l *Line) Identity() typeid.ID { return l.ID }

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

// Lines returns a page of those priced lines of a billing month that meet the
// conditions, in the order in which they came in. They are those that Report sums
// under the same conditions, where they are charged within the month: what the
// organization brought in itself is at its source cost. It needs billing:read.
// INVALID for arguments out of bounds.
func (s *Service) Lines(ctx context.Context, organization uuid.UUID, month pricing.Month, where Where, args page.Args) (*LineConnection, error) {
	org, err := s.records.Check(ctx, access.BillingRead, organization)
	if err != nil {
		return nil, err
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	if err := where.validate(); err != nil {
		return nil, err
	}
	q := database.CostLineQuery{Scope: scopeOf(ctx, org), Month: month, Filter: where.filter()}
	lines, edges, err := s.readLines(ctx, q, window)
	if err != nil {
		return nil, err
	}
	lines, more := page.Cut(window, lines)
	nodes, err := s.tell(ctx, org, lines, edges)
	if err != nil {
		return nil, err
	}
	c := &LineConnection{count: func(ctx context.Context) (int, error) { return s.countLines(ctx, q) }}
	c.Edges, c.PageInfo = page.Connect(window, nodes, more,
		func(l toldLine) string { return database.CostLineCursor(l.line) },
		func(cursor string, l toldLine) LineEdge { return LineEdge{Cursor: cursor, Node: l.Line} })
	return c, nil
}

func (s *Service) readLines(ctx context.Context, q database.CostLineQuery, window page.Window) ([]database.CostLine, map[int64][]database.PricedEdge, error) {
	var lines []database.CostLine
	edges := map[int64][]database.PricedEdge{}
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if lines, err = tx.CostLines(ctx, q, window); err != nil {
			return err
		}
		ids := make([]int64, len(lines))
		for i, line := range lines {
			ids[i] = line.Line
		}
		list, err := tx.PricedEdges(ctx, ids)
		for _, e := range list {
			edges[e.Line] = append(edges[e.Line], e)
		}
		return err
	})
	return lines, edges, err
}

func (s *Service) countLines(ctx context.Context, q database.CostLineQuery) (int, error) {
	var count int
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		count, err = tx.CountCostLines(ctx, q)
		return err
	})
	return count, err
}

// toldLine is a line with the number that its cursor names.
type toldLine struct {
	*Line
	line int64
}

// tell returns the lines as the viewer may see them.
func (s *Service) tell(ctx context.Context, org records.Organization, lines []database.CostLine, edges map[int64][]database.PricedEdge) ([]toldLine, error) {
	t, err := s.newTeller(ctx, org, lines, edges)
	if err != nil {
		return nil, err
	}
	told := make([]toldLine, len(lines))
	for i, l := range lines {
		told[i] = toldLine{line: l.Line, Line: &Line{
			ID:                lineID(l),
			ChargePeriodStart: l.ChargePeriodStart,
			ChargePeriodEnd:   l.ChargePeriodEnd,
			Provider:          l.Facts.Provider,
			Service:           l.Facts.Service,
			SKU:               l.Facts.SKU,
			Region:            l.Facts.Region,
			ChargeCategory:    l.Facts.ChargeCategory,
			ChargeClass:       optional(l.ChargeClass),
			Description:       t.description(l),
			Organization:      t.owner(ctx, l.Owner),
			Amount:            l.Amount,
			PriceChain:        t.chain(ctx, edges[l.Line], l.Position),
		}}
	}
	return told, nil
}

// maxEdges is above the number of edges that a chain can have.
const maxEdges = 32

// lineID returns the id of a line at one price: the same line of usage is
// another line on each edge, and stays the same when it is rated again.
func lineID(l database.CostLine) typeid.ID {
	return typeid.Number(typeid.CostLine, l.Line*maxEdges+int64(l.Position))
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// teller names organizations and shows prices as the viewer may see them.
type teller struct {
	organizations map[uuid.UUID]records.Organization
	sight         pricing.Sight
	// places are the edges of the path that the sight is about.
	places map[[2]uuid.UUID]int
}

func (s *Service) newTeller(ctx context.Context, org records.Organization, lines []database.CostLine, edges map[int64][]database.PricedEdge) (*teller, error) {
	seen := map[uuid.UUID]bool{}
	var ids []uuid.UUID
	note := func(id uuid.UUID) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, l := range lines {
		note(l.Owner)
		for _, e := range edges[l.Line] {
			note(e.Seller)
			note(e.Buyer)
		}
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	sights, err := s.records.Sights(ctx, map[uuid.UUID]records.Organization{org.ID: org})
	if err != nil {
		return nil, err
	}
	t := &teller{organizations: organizations, sight: sights[org.ID], places: map[[2]uuid.UUID]int{}}
	line := org.Line()
	for i := range org.Above {
		t.places[[2]uuid.UUID{line[i].ID, line[i+1].ID}] = i
	}
	return t, nil
}

// owner names the owner of a line.
func (t *teller) owner(ctx context.Context, id uuid.UUID) *records.Reference {
	return ownerOf(ctx, t.line(id))
}

// ownerOf names the owner of a line. Out of the viewer's reach, as for those who
// read their organization's bills and nothing below it, it is just a customer.
func ownerOf(ctx context.Context, line []records.Ancestor) *records.Reference {
	reference := records.Refer(ctx, line)
	if reference.Redacted {
		reference.Name = "a customer"
	}
	return &reference
}

// description returns the provider's description of a line. Those that may name the
// provider's price are for the importer, and for who sees every price.
func (t *teller) description(l database.CostLine) string {
	if l.Position == 0 || t.sight.Everything() {
		return l.Description
	}
	return wordsOnly(l.Description)
}

// wordsOnly returns a text without digits, "" for any other: descriptions of
// providers name unit prices.
func wordsOnly(text string) string {
	if strings.ContainsFunc(text, unicode.IsNumber) {
		return ""
	}
	return text
}

func (t *teller) line(id uuid.UUID) []records.Ancestor { return t.organizations[id].Line() }

// chain returns the edges down to a position that the viewer may see, nil for
// none.
func (t *teller) chain(ctx context.Context, edges []database.PricedEdge, position int) []*records.PriceEdge {
	var chain []*records.PriceEdge
	for _, e := range edges {
		if e.Position <= position && t.shows(e) {
			chain = append(chain, records.HiddenEdge(ctx, t.line(e.Seller), t.line(e.Buyer)).Priced(e.Factor, e.Basis))
		}
	}
	return chain
}

// shows reports whether the viewer sees the price on an edge. One that is not on
// the organization's path any more is shown to those who see everything.
func (t *teller) shows(e database.PricedEdge) bool {
	i, ok := t.places[[2]uuid.UUID{e.Seller, e.Buyer}]
	return t.sight.Everything() || ok && t.sight.Edge(i)
}
