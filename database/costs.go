package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
)

// CostScope says whose prices of which usage are read, and for whom. The tables
// of costs hold the prices of all tiers side by side, so everything that reads
// them takes a scope.
type CostScope struct {
	// Tier is the organization whose own prices are read.
	Tier uuid.UUID
	// Customer is nil for what Tier pays and charges. If it is set, what Tier
	// charges is all that is read: it is the price of this direct customer.
	Customer *uuid.UUID
	// Below confines a scope with a Customer to the usage at and below this
	// organization.
	Below uuid.UUID
	// Reach is the viewer's part of the tree. Usage beyond it is summed, but its
	// owner, group and tags are not told and select nothing.
	Reach access.Reach
}

// CostPrice says which of a tier's prices are summed.
type CostPrice string

// The prices. PriceMargin is PriceSell less PriceBuy of what was sold on.
const (
	PriceBuy    CostPrice = "BUY"
	PriceSell   CostPrice = "SELL"
	PriceMargin CostPrice = "MARGIN"
)

// CostKey is what costs are summed by. The zero CostKey sums everything.
type CostKey struct {
	// Column is one of the Key columns, or "".
	Column CostColumn
	// Tag is the key of a tag, for KeyTag.
	Tag string
}

// CostColumn is a fact of usage that costs are summed by.
type CostColumn string

// The columns.
const (
	KeyOwner    CostColumn = "owner_id"
	KeyCustomer CostColumn = "customer_id" // the tier itself for what it used
	KeyGroup    CostColumn = "group_id"
	KeyProvider CostColumn = "provider"
	KeyService  CostColumn = "service"
	KeySKU      CostColumn = "sku"
	KeyRegion   CostColumn = "region"
	KeyCategory CostColumn = "charge_category"
	KeyTag      CostColumn = "tags"
)

// CostStep is the length of the steps of a series.
type CostStep string

// The steps. StepNone is one for the whole period.
const (
	StepNone  CostStep = ""
	StepDay   CostStep = "DAY"
	StepMonth CostStep = "MONTH"
)

// CostFilter says which usage. Conditions are joined by and, values by or; nil
// is no condition.
type CostFilter struct {
	Providers     []string
	Services      []string
	SKUs          []string
	Regions       []string
	Categories    []string
	Organizations []uuid.UUID // and all below them
	Groups        []uuid.UUID
	// Tags are all met, each by one of its values.
	Tags []CostTag
	// Keys are values of the key, and Currency is one currency or "".
	Keys     []string
	Currency money.Currency
}

// chooses reports whether there is any condition about usage itself.
func (f CostFilter) chooses() bool {
	return f.Providers != nil || f.Services != nil || f.SKUs != nil || f.Regions != nil || f.Categories != nil ||
		f.Organizations != nil || f.Groups != nil || len(f.Tags) > 0 || f.Currency != ""
}

// CostTag is met by usage that has the tag: with one of the values, or with any
// for nil.
type CostTag struct {
	Key    string
	Values []string
}

// CostQuery asks for sums.
type CostQuery struct {
	Scope CostScope
	// From and To are UTC day bounds; To is exclusive.
	From, To time.Time
	Price    CostPrice
	Key      CostKey
	Step     CostStep
	Filter   CostFilter
}

// CostSum is the exact sum of one key, currency and step.
type CostSum struct {
	// Key is "" where the usage has none or may not be told.
	Key      string
	Currency money.Currency
	// Step is the day or month as it is written, "" for StepNone.
	Step   string
	Amount money.Decimal
}

// maxCostSums bounds the rows of an answer: its memory is some 100 bytes each.
const maxCostSums = 100_000

// readsLines reports whether the sums are taken from the lines, because the
// roll-ups know no tags.
func (q CostQuery) readsLines() bool { return q.Key.Column == KeyTag || len(q.Filter.Tags) > 0 }

// CostSums returns the sums of a query, in any order. Sums by tag, and those of
// usage that tags choose, are taken from the lines, all others from the daily
// roll-ups. LIMIT_EXCEEDED if there are more than 100 000, CONFLICT where lines are
// needed that are archived.
func (tx *Tx) CostSums(ctx context.Context, q CostQuery) ([]CostSum, error) {
	var months []string
	if q.readsLines() {
		var err error
		if months, err = tx.billedIn(ctx, q); err != nil {
			return nil, err
		}
		if err := tx.checkKept(ctx, q.Scope.Tier, months...); err != nil {
			return nil, err
		}
		if err := tx.keepJoinOrder(ctx); err != nil {
			return nil, err
		}
	}
	s := tx.db.statement()
	plus, minus := q.columns()
	s.write("SELECT x.item, x.currency, x.step, ", tx.db.ExactSum("x."+plus))
	if minus != "" {
		s.write(", ", tx.db.ExactSum("x."+minus))
	}
	s.write(" FROM (SELECT ", s.key(q.Key, q.Scope), " AS item, c.currency, ", s.step(q.Step), " AS step, c.buy, c.sell FROM ")
	s.costs(q, months)
	s.write(" WHERE c.day >= ", s.arg(q.From), " AND c.day < ", s.arg(q.To))
	s.confine(q)
	s.filter(q.Filter, q.Scope.Reach, "c", "c")
	s.write(") x")
	if q.Filter.Keys != nil {
		s.write(" WHERE x.item IN (", list(s, q.Filter.Keys), ")")
	}
	s.write(" GROUP BY x.item, x.currency, x.step LIMIT ", strconv.Itoa(maxCostSums+1))
	var sums []CostSum
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		if len(sums) == maxCostSums {
			return fault.New(fault.LimitExceeded, "the costs have more than %d different values; ask for less", maxCostSums)
		}
		sum, err := scanSum(rows, minus != "")
		sums = append(sums, sum)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum costs: %w", err)
	}
	return sums, nil
}

// columns returns the column that is summed and the one whose sum is taken
// away, or "". They are subtracted as sums, because SQLite would subtract
// amounts as floating point.
func (q CostQuery) columns() (plus, minus string) {
	switch {
	case q.Scope.Customer != nil || q.Price == PriceSell:
		return "sell", ""
	case q.Price == PriceMargin:
		return "sell", "buy"
	default:
		return "buy", ""
	}
}

func scanSum(rows *sql.Rows, less bool) (CostSum, error) {
	var sum CostSum
	plus, minus := "", "0"
	targets := []any{&sum.Key, &sum.Currency, &sum.Step, &plus}
	if less {
		targets = append(targets, &minus)
	}
	if err := rows.Scan(targets...); err != nil {
		return CostSum{}, err
	}
	revenue, err := money.Parse(plus)
	if err != nil {
		return CostSum{}, err
	}
	cost, err := money.Parse(minus)
	sum.Amount = revenue.Sub(cost)
	return sum, err
}

// billedIn returns the months in which the usage of a query's days was billed,
// by which its lines are found.
func (tx *Tx) billedIn(ctx context.Context, q CostQuery) ([]string, error) {
	s := tx.db.statement()
	s.write("SELECT DISTINCT d.month FROM cost_rollups c", counting("c"), " WHERE c.organization_id = ", s.arg(q.Scope.Tier), " AND c.day >= ", s.arg(q.From), " AND c.day < ", s.arg(q.To))
	var months []string
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var month string
		err := rows.Scan(&month)
		months = append(months, month)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find billing months: %w", err)
	}
	return months, nil
}

// keepJoinOrder makes PostgreSQL join as the rest of the transaction's
// statements say. Right after an import it knows nothing yet about the new rows
// and would compare each with each.
func (tx *Tx) keepJoinOrder(ctx context.Context) error {
	if tx.db.dialect != dialect.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SET LOCAL join_collapse_limit = 1"); err != nil {
		return fmt.Errorf("keep join order: %w", err)
	}
	return nil
}

// costs writes the relation that is summed: c, a row per share of usage with
// what the tier pays and charges for it, and d, its dataset. Lines are those of
// the months.
func (s *statement) costs(q CostQuery, months []string) {
	if !q.readsLines() {
		s.write("cost_rollups c")
	} else {
		s.write(`(SELECT l.dataset_id, bought.rating, bought.owner_id, bought.group_id, l.charge_period_start AS day, l.provider, l.service,
			l.sku, l.region, l.charge_category, l.currency, l.tags, bought.amount AS buy, sold.amount AS sell, sold.buyer_id AS customer_id
			FROM (SELECT * FROM rated_lines WHERE buyer_id = `, s.arg(q.Scope.Tier), " AND month IN (", list(s, months), `)) bought
			JOIN usage_lines l ON l.id = bought.usage_line_id
			LEFT JOIN rated_lines sold ON sold.usage_line_id = l.id AND sold.rating = bought.rating AND sold.seller_id = `, s.arg(q.Scope.Tier), `) c`)
	}
	s.write(counting("c"))
}

// counting returns the join that leaves of rated lines or roll-ups those that
// count, with d, their dataset.
func counting(alias string) string {
	return " JOIN usage_datasets d ON d.id = " + alias + ".dataset_id AND d.status = 'ACTIVE' AND d.rating = " + alias + ".rating"
}

// confine writes the conditions of the scope.
func (s *statement) confine(q CostQuery) {
	if !q.readsLines() {
		s.write(" AND c.organization_id = ", s.arg(q.Scope.Tier))
	}
	if q.Scope.Customer != nil {
		s.write(" AND c.customer_id = ", s.arg(*q.Scope.Customer), " AND ", s.below("c.owner_id", q.Scope.Below))
	} else if q.Price != PriceBuy {
		s.write(" AND c.customer_id IS NOT NULL")
	}
}

// filter writes the conditions that a client asked for, about the facts of usage
// in the relation fact and its owner in the relation of. An organization, a group
// or a tag of usage that the viewer does not reach selects nothing.
func (s *statement) filter(f CostFilter, reach access.Reach, fact, of string) {
	for _, condition := range []struct {
		column string
		values []string
	}{
		{"provider", f.Providers},
		{"service", f.Services},
		{"sku", f.SKUs},
		{"region", f.Regions},
		{"charge_category", f.Categories},
	} {
		if condition.values != nil {
			s.write(" AND ", fact, ".", condition.column, " IN (", list(s, condition.values), ")")
		}
	}
	if f.Organizations != nil {
		s.write(" AND ", of, ".owner_id IN (SELECT f.organization_id FROM organization_ancestries f WHERE f.ancestor_id IN (",
			list(s, f.Organizations), ") AND ", s.within("f.ancestor_id", reach), ")")
	}
	if f.Groups != nil {
		s.write(" AND ", of, ".group_id IN (", list(s, f.Groups), ")")
	}
	for _, tag := range f.Tags {
		s.write(" AND ", s.tagged(fact+".tags", tag))
	}
	if f.Groups != nil || len(f.Tags) > 0 {
		s.write(" AND ", s.within(of+".owner_id", reach))
	}
	if f.Currency != "" {
		s.write(" AND ", fact, ".currency = ", s.arg(string(f.Currency)))
	}
}

// tagged returns the condition that a column of tags meets a tag.
func (s *statement) tagged(column string, tag CostTag) string {
	value := s.tag(column, tag.Key)
	if tag.Values == nil {
		return value + " IS NOT NULL"
	}
	return value + " IN (" + list(s, tag.Values) + ")"
}

// tag returns the expression of the value of a tag as text, NULL for none.
func (s *statement) tag(column, key string) string {
	if s.postgres {
		return column + " ->> " + s.arg(key) + "::text"
	}
	return "(SELECT CAST(t.value AS TEXT) FROM json_each(" + column + ") t WHERE t.key = " + s.arg(key) + ")"
}

// key returns the expression of a key as text, "" for none and for what may not be
// told.
func (s *statement) key(k CostKey, scope CostScope) string {
	switch k.Column {
	case KeyOwner, KeyGroup:
		return s.told("CAST(c."+string(k.Column)+" AS TEXT)", "c.owner_id", scope.Reach)
	case KeyCustomer:
		customer := s.customer(scope)
		return s.told("CAST("+customer+" AS TEXT)", customer, scope.Reach)
	case KeyTag:
		return s.told(s.tag("c.tags", k.Tag), "c.owner_id", scope.Reach)
	case KeyProvider, KeyService, KeySKU, KeyRegion, KeyCategory:
		return "c." + string(k.Column)
	default:
		return "''"
	}
}

// customer returns the expression of the organization that bought the usage from
// the one that a scope is about, or of that itself. What a tier above charges does
// not say who bought further below, so there it is found by the tree.
func (s *statement) customer(scope CostScope) string {
	if scope.Customer == nil {
		return "COALESCE(c.customer_id, c.owner_id)"
	}
	return `COALESCE((SELECT k.ancestor_id FROM organization_ancestries k JOIN organizations o ON o.id = k.ancestor_id
		WHERE k.organization_id = c.owner_id AND o.parent_id = ` + s.arg(scope.Below) + "), c.owner_id)"
}

// told returns the expression if the viewer reaches the organization that a column
// names, else "".
func (s *statement) told(expression, column string, reach access.Reach) string {
	return "CASE WHEN " + s.within(column, reach) + " THEN COALESCE(" + expression + ", '') ELSE '' END"
}

// step returns the expression of the step that a day lies in.
func (s *statement) step(step CostStep) string {
	switch {
	case step == StepDay:
		return s.day("c.day")
	case step == StepMonth && s.postgres:
		return "to_char(c.day AT TIME ZONE 'UTC', 'YYYY-MM')"
	case step == StepMonth:
		return "substr(c.day, 1, 7)"
	default:
		return "''"
	}
}

// day returns the expression of the day, in UTC, that an instant lies in.
func (s *statement) day(instant string) string {
	if s.postgres {
		return "to_char(" + instant + " AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
	}
	return "substr(" + instant + ", 1, 10)"
}

// CostLine is a line of usage at the price of a scope: what its tier pays, or
// what its customer is charged.
type CostLine struct {
	// Line is the id of the line of usage.
	Line int64
	// Position is that of the edge whose price it is, 0 for the source cost.
	Position          int
	ChargePeriodStart time.Time
	ChargePeriodEnd   time.Time
	Facts             pricing.Facts
	ChargeClass       string
	Description       string
	Owner             uuid.UUID
	Amount            money.Amount
}

// CostLineCursor returns the cursor of a line.
func CostLineCursor(line int64) string { return page.Cursor(strconv.FormatInt(line, 10)) }

// CostLineQuery asks for the lines of a billing month.
type CostLineQuery struct {
	Scope CostScope
	Month pricing.Month
	// Filter has no Keys.
	Filter CostFilter
}

// CostLines returns the lines of a query in a window, one more than its size if
// there are more, in the order in which they came in, or against it for a window
// that is read backward. INVALID for a cursor of another list.
func (tx *Tx) CostLines(ctx context.Context, q CostLineQuery, w page.Window) ([]CostLine, error) {
	after, err := lineBound("after", w.After)
	if err != nil {
		return nil, err
	}
	before, err := lineBound("before", w.Before)
	if err != nil {
		return nil, err
	}
	if err := tx.checkKept(ctx, q.Scope.Tier, q.Month.String()); err != nil {
		return nil, err
	}
	if err := tx.keepJoinOrder(ctx); err != nil {
		return nil, err
	}
	order := "ASC"
	if w.Backward {
		order = "DESC"
	}
	s := tx.db.statement()
	s.write(`SELECT l.id, p.position, l.charge_period_start, l.charge_period_end, l.provider, l.service, l.sku, l.region,
		l.charge_category, l.charge_class, l.description, p.owner_id, p.amount, l.currency FROM (`)
	s.priced(q, func(column string) {
		if after != nil {
			s.write(" AND ", column, " > ", s.arg(*after))
		}
		if before != nil {
			s.write(" AND ", column, " < ", s.arg(*before))
		}
		s.write(" ORDER BY ", column, " ", order, " LIMIT ", strconv.Itoa(w.Size+1))
	})
	s.write(") p JOIN usage_lines l ON l.id = p.line ORDER BY l.id ", order, " LIMIT ", strconv.Itoa(w.Size+1))
	var lines []CostLine
	err = tx.each(ctx, s, func(rows *sql.Rows) error {
		line, err := scanLine(rows)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cost lines: %w", err)
	}
	return lines, nil
}

// CountCostLines returns how many lines a query finds.
func (tx *Tx) CountCostLines(ctx context.Context, q CostLineQuery) (int, error) {
	if err := tx.keepJoinOrder(ctx); err != nil {
		return 0, err
	}
	s := tx.db.statement()
	s.write("SELECT COUNT(*) FROM (")
	s.priced(q, func(string) {})
	s.write(") p")
	var count int
	err := tx.each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&count) })
	if err != nil {
		return 0, fmt.Errorf("count cost lines: %w", err)
	}
	return count, nil
}

// priced writes the lines of a query with their prices: line, position, amount,
// owner_id, and whose prices they are by which rule and rating. Window closes the condition, by the column of the line's id.
func (s *statement) priced(q CostLineQuery, window func(column string)) {
	buyer := q.Scope.Tier
	if q.Scope.Customer != nil {
		buyer = *q.Scope.Customer
	}
	s.write("SELECT r.usage_line_id AS line, r.position, r.amount, r.owner_id, r.seller_id, r.multiplier_id, r.dataset_id, r.rating, d.billing_account_id",
		" FROM rated_lines r", counting("r"))
	if q.Filter.chooses() {
		s.write(" JOIN usage_lines u ON u.id = r.usage_line_id")
	}
	s.write(" WHERE r.buyer_id = ", s.arg(buyer), " AND r.month = ", s.arg(q.Month.String()))
	if q.Scope.Customer != nil {
		s.write(" AND r.seller_id = ", s.arg(q.Scope.Tier), " AND ", s.below("r.owner_id", q.Scope.Below))
	}
	s.filter(q.Filter, q.Scope.Reach, "u", "r")
	window("r.usage_line_id")
}

// lineBound returns the line that a cursor names, nil for none.
func lineBound(field, cursor string) (*int64, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // the window is open at this end
	}
	values, err := page.Values(field, cursor, 1)
	if err != nil {
		return nil, err
	}
	line, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return nil, fault.Invalidf(field, "this is no cursor of this list")
	}
	return &line, nil
}

func scanLine(rows *sql.Rows) (CostLine, error) {
	var line CostLine
	var amount string
	err := rows.Scan(&line.Line, &line.Position, &line.ChargePeriodStart, &line.ChargePeriodEnd,
		&line.Facts.Provider, &line.Facts.Service, &line.Facts.SKU, &line.Facts.Region, &line.Facts.ChargeCategory,
		&line.ChargeClass, &line.Description, &line.Owner, &amount, &line.Amount.Currency)
	if err != nil {
		return CostLine{}, err
	}
	utc(&line.ChargePeriodStart, &line.ChargePeriodEnd)
	line.Amount.Decimal, err = money.Parse(amount)
	return line, err
}

// PricedEdge is an edge that a line of usage was sold on. Factor and Basis are
// those of the rule, zero where the buyer pays the seller's own price.
type PricedEdge struct {
	Line     int64
	Position int
	Seller   uuid.UUID
	Buyer    uuid.UUID
	Factor   money.Decimal
	Basis    pricing.Basis
}

// PricedEdges returns every edge between organizations of the lines of usage with
// these ids, of which there are at most some hundreds, by line and position.
// Which of them a viewer may see is for the caller to decide.
func (tx *Tx) PricedEdges(ctx context.Context, lines []int64) ([]PricedEdge, error) {
	if len(lines) == 0 {
		return []PricedEdge{}, nil
	}
	s := tx.db.statement()
	s.write(`SELECT r.usage_line_id, r.position, r.seller_id, r.buyer_id, m.factor, COALESCE(m.basis, '')
		FROM rated_lines r`, counting("r"), ` LEFT JOIN billing_multipliers m ON m.id = r.multiplier_id
		WHERE r.seller_id IS NOT NULL AND r.usage_line_id IN (`, list(s, lines), ") ORDER BY r.usage_line_id, r.position")
	var edges []PricedEdge
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var e PricedEdge
		var factor sql.NullString
		err := rows.Scan(&e.Line, &e.Position, &e.Seller, &e.Buyer, &factor, &e.Basis)
		if err == nil && factor.Valid {
			e.Factor, err = money.Parse(factor.String)
		}
		edges = append(edges, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read price edges: %w", err)
	}
	return edges, nil
}

// UsageSum is the usage of a month that no price tells apart, with its costs at
// the provider.
type UsageSum struct {
	Importer uuid.UUID
	Owner    uuid.UUID
	Facts    pricing.Facts
	Currency money.Currency
	Source   money.Decimal
	List     money.Decimal
}

// UsageSums calls yield with the usage of a billing month that one of the
// importers brought in and that belongs to an organization or one below it,
// until yield returns false. Without list costs, which take much longer, List
// is 0. What it tells are source costs, so it is for decisions and never for an
// answer.
func (tx *Tx) UsageSums(ctx context.Context, importers []uuid.UUID, owner uuid.UUID, month pricing.Month, withList bool, yield func(UsageSum) bool) error {
	s := tx.db.statement()
	alike := "d.organization_id, c.owner_id, f.provider, f.service, f.sku, f.region, f.charge_category, f.currency"
	source, listed, from := "c.amount", tx.db.ExactSum("COALESCE(f.list_cost, f.billed_cost)"), "(rated_lines c JOIN usage_lines f ON f.id = c.usage_line_id AND c.position = 0)"
	if !withList {
		alike = strings.ReplaceAll(alike, "f.", "c.")
		source, listed, from = "c.buy", "'0'", "cost_rollups c"
	}
	s.write("SELECT ", alike, ", ", tx.db.ExactSum(source), ", ", listed, " FROM ", from, counting("c"))
	s.write(" WHERE d.organization_id IN (", list(s, importers), ") AND d.month = ", s.arg(month.String()), " AND ", s.below("c.owner_id", owner))
	if !withList {
		s.write(" AND c.organization_id = d.organization_id") // what the importer pays is the source cost
	}
	s.write(" GROUP BY ", alike)
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		sum, err := scanUsage(rows)
		if err != nil {
			return err
		}
		if !yield(sum) {
			return errStop
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sum usage: %w", err)
	}
	return nil
}

func scanUsage(rows *sql.Rows) (UsageSum, error) {
	var sum UsageSum
	var source, list string
	err := rows.Scan(&sum.Importer, &sum.Owner, &sum.Facts.Provider, &sum.Facts.Service, &sum.Facts.SKU, &sum.Facts.Region,
		&sum.Facts.ChargeCategory, &sum.Currency, &source, &list)
	if err != nil {
		return UsageSum{}, err
	}
	if sum.Source, err = money.Parse(source); err != nil {
		return UsageSum{}, err
	}
	sum.List, err = money.Parse(list)
	return sum, err
}

// UnattributedSum is the usage of a sub-account, in one currency, that no mapping
// gives an owner.
type UnattributedSum struct {
	Provider     string
	SubAccountID string
	Lines        int
	Cost         money.Amount
}

// maxUnattributed bounds the sums that UnattributedUsage returns.
const maxUnattributed = 1000

// UnattributedUsage returns what nobody owns of the usage that an organization
// brought in for a billing month, at its source cost, by provider, sub-account
// and currency; the first 1000.
func (tx *Tx) UnattributedUsage(ctx context.Context, importer uuid.UUID, month pricing.Month) ([]UnattributedSum, error) {
	if err := tx.checkKept(ctx, importer, month.String()); err != nil {
		return nil, err
	}
	s := tx.db.statement()
	s.write("SELECT l.provider, l.sub_account_id, l.currency, COUNT(*), ", tx.db.ExactSum("r.amount"), " FROM rated_lines r", counting("r"),
		" JOIN usage_lines l ON l.id = r.usage_line_id WHERE r.buyer_id = ", s.arg(importer), " AND r.month = ", s.arg(month.String()),
		" AND r.position = 0 AND NOT r.attributed GROUP BY l.provider, l.sub_account_id, l.currency")
	s.write(" ORDER BY l.provider, l.sub_account_id, l.currency LIMIT ", strconv.Itoa(maxUnattributed))
	var sums []UnattributedSum
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var sum UnattributedSum
		var amount string
		if err := rows.Scan(&sum.Provider, &sum.SubAccountID, &sum.Cost.Currency, &sum.Lines, &amount); err != nil {
			return err
		}
		var err error
		sum.Cost.Decimal, err = money.Parse(amount)
		sums = append(sums, sum)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum unattributed usage: %w", err)
	}
	return sums, nil
}

// ParentsBelow returns the manager of every organization below another.
func (tx *Tx) ParentsBelow(ctx context.Context, id uuid.UUID) (map[orgtree.ID]orgtree.ID, error) {
	s := tx.db.statement()
	s.write("SELECT o.id, o.parent_id FROM organizations o WHERE ", s.below("o.id", id), " AND o.id <> ", s.arg(id))
	parents := map[orgtree.ID]orgtree.ID{}
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var child, parent uuid.UUID
		if err := rows.Scan(&child, &parent); err != nil {
			return err
		}
		parents[orgtree.ID(child)] = orgtree.ID(parent)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return parents, nil
}

// statement is a statement under construction, with its arguments.
type statement struct {
	text     strings.Builder
	args     []any
	postgres bool
}

func (db *DB) statement() *statement { return &statement{postgres: db.dialect == dialect.Postgres} }

func (s *statement) write(parts ...string) {
	for _, part := range parts {
		s.text.WriteString(part)
	}
}

// arg returns the placeholder of a value. Placeholders are numbered, so they
// may be written in another order than they were taken.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// list returns the placeholders of values, "NULL", which nothing equals, for
// none.
func list[V any](s *statement, values []V) string {
	if len(values) == 0 {
		return "NULL"
	}
	placeholders := make([]string, len(values))
	for i, value := range values {
		placeholders[i] = s.arg(value)
	}
	return strings.Join(placeholders, ", ")
}

// below returns the condition that a column names an organization or one below
// it.
func (s *statement) below(column string, organization uuid.UUID) string {
	return column + " IN (SELECT b.organization_id FROM organization_ancestries b WHERE b.ancestor_id = " + s.arg(organization) + ")"
}

// within returns the condition that a column names an organization in reach.
func (s *statement) within(column string, reach access.Reach) string {
	if reach.Everything {
		return "TRUE"
	}
	return "(" + column + " IN (" + list(s, values(reach.Organizations)) + ") OR " + column +
		" IN (SELECT w.organization_id FROM organization_ancestries w WHERE w.ancestor_id IN (" + list(s, values(reach.Subtrees)) + ")))"
}

// errStop ends reading before the last row.
var errStop = errors.New("stop")

// each runs a statement and calls scan for every row.
func (tx *Tx) each(ctx context.Context, s *statement, scan func(rows *sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(ignoreStop(err), rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func ignoreStop(err error) error {
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}
