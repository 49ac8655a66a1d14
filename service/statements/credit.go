package statements

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/creditnote"
	"github.com/headwater-platform/headwater/ent/creditnoteitem"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementitem"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/paper"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// CreditNote takes some of a statement back.
type CreditNote struct {
	ID     typeid.ID
	Seller *records.Reference
	Buyer  *records.Reference
	Number string
	Reason string
	// Untaxed, Tax and Total are what is taken back, above 0 but for taxes.
	Untaxed, Tax, Total money.Amount
	IssuedAt            time.Time

	// StatementID is what it is about.
	StatementID       uuid.UUID
	sellerID, buyerID uuid.UUID
	siblings          *batch.Siblings
	statements        *batch.Siblings
}

// Identity returns the id.
func (n *CreditNote) Identity() typeid.ID { return n.ID }

// TotalUntaxed returns what is taken back without taxes.
func (n *CreditNote) TotalUntaxed() money.Amount { return n.Untaxed }

// TotalTax returns what is taken back of taxes.
func (n *CreditNote) TotalTax() money.Amount { return n.Tax }

// CreditLine is what a credit note takes back for one reason.
type CreditLine struct {
	Reason string
	Amount money.Amount
}

// CreditTax is what a credit note takes back of one tax.
type CreditTax struct {
	Name    string
	Percent money.Decimal
	Amount  money.Amount
}

// The bounds of a credit note: how many lines, and of the reason of each in
// characters.
const (
	maxCreditLines = 100
	maxLineReason  = 300
)

// NewCreditNote is what issueCreditNote is asked for.
type NewCreditNote struct {
	Statement uuid.UUID
	Lines     []NewCreditLine
	Reason    string
}

// NewCreditLine is what is taken back for one reason, without taxes.
type NewCreditLine struct {
	Reason string
	Amount money.Decimal
}

// check returns INVALID for what no credit note can be.
func (n NewCreditNote) check() error {
	if len(n.Lines) == 0 || len(n.Lines) > maxCreditLines {
		return fault.Invalidf("lines", "a credit note has 1 to %d lines", maxCreditLines)
	}
	for i, line := range n.Lines {
		if line.Reason == "" || !fault.IsLine(line.Reason, maxLineReason) {
			return fault.Invalidf(fmt.Sprintf("lines.%d.reason", i), "a reason is one line of 1 to %d printable characters", maxLineReason)
		}
	}
	return database.CheckReason(n.Reason)
}

// Credit takes some of an issued or paid statement back by a credit note, which has
// the next number of the seller's credit notes. The statement stays as it is. Needs
// billing:write in the seller; NOT_FOUND for a statement that the viewer does not
// see. INVALID for what no credit note can be, CONFLICT for a statement that is
// void or not issued, LIMIT_EXCEEDED for more than is left of it.
func (s *Service) Credit(ctx context.Context, n NewCreditNote) (*CreditNote, error) {
	row, err := s.find(ctx, n.Statement)
	if err != nil {
		return nil, err
	}
	if err := s.checkSeller(ctx, row); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var made *ent.CreditNote
	entry := database.Entry{Action: "issueCreditNote", Organization: row.SellerID, Reason: n.Reason}
	_, err = s.db.Write(ctx, entry, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, row.SellerID); err != nil {
			return err
		}
		query := tx.Statement.Query().Where(statement.ID(row.ID))
		query.Modify(tx.Lock)
		of, err := query.Only(ctx)
		if err != nil {
			return fmt.Errorf("lock statement: %w", err)
		}
		if of.Status != statement.StatusISSUED && of.Status != statement.StatusPAID {
			return fault.New(fault.Conflict, "the statement is %s", of.Status)
		}
		made, err = credit(ctx, tx, of, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	told, err := s.wrapCredits(ctx, []*ent.CreditNote{made})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

// checkSeller returns FORBIDDEN unless the viewer may say what becomes of a
// statement that they see.
func (s *Service) checkSeller(ctx context.Context, row *ent.Statement) error {
	_, err := s.records.Check(ctx, access.BillingWrite, row.SellerID)
	if fault.CodeOf(err) == fault.NotFound { // They see it as the buyer.
		return fault.New(fault.Forbidden, "the seller says what becomes of a statement")
	}
	return err
}

// credit stores a credit note of a statement that is locked, as its seller is.
func credit(ctx context.Context, tx *database.Tx, of *ent.Statement, n NewCreditNote) (*ent.CreditNote, error) {
	taxes, err := tx.StatementItem.Query().
		Where(statementitem.StatementID(of.ID), statementitem.KindEQ(statementitem.KindTAX)).
		Order(ent.Asc(statementitem.FieldPosition)).All(asSystem(ctx)) // whoever sees the statement sees what is on it
	if err != nil {
		return nil, fmt.Errorf("list taxes: %w", err)
	}
	credited, err := creditedOf(ctx, tx, of, taxes)
	if err != nil {
		return nil, err
	}
	amounts := make([]money.Decimal, len(n.Lines))
	for i, line := range n.Lines {
		amounts[i] = line.Amount
	}
	parts, err := invoicing.Credit(credited, amounts, placesOf(money.Currency(of.Currency)))
	if err != nil {
		return nil, err
	}
	number, err := nextCredit(ctx, tx, of.SellerID)
	if err != nil {
		return nil, err
	}
	untaxed, tax := money.Sum(amounts...), money.Sum(parts...)
	create := tx.CreditNote.Create().
		SetID(tx.NewID()).SetStatementID(of.ID).SetSellerID(of.SellerID).SetBuyerID(of.BuyerID).SetNumber(number).SetCurrency(of.Currency).
		SetUntaxed(untaxed.String()).SetTax(tax.String()).SetTotal(untaxed.Add(tax).String()).SetReason(n.Reason).SetCreatedAt(tx.Now())
	if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
		create.SetActorID(uuid.UUID(actor))
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create credit note: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.CreditNote, ID: row.ID, Organization: of.SellerID, After: row})
	if err := storeCreditItems(ctx, tx, row.ID, n.Lines, taxes, parts); err != nil {
		return nil, err
	}
	return row, announceCredit(ctx, tx, of, row)
}

// creditedOf returns what a statement has charged and how much of it credit notes
// have taken back.
func creditedOf(ctx context.Context, tx *database.Tx, of *ent.Statement, taxes []*ent.StatementItem) (invoicing.Credited, error) {
	ctx = asSystem(ctx)
	var c invoicing.Credited
	total, err := money.Parse(of.Total)
	if err != nil {
		return c, fmt.Errorf("read statement %s: %w", of.ID, err)
	}
	tax, err := money.Parse(of.Tax)
	if err != nil {
		return c, fmt.Errorf("read statement %s: %w", of.ID, err)
	}
	c.Untaxed = total.Sub(tax)
	items, err := tx.CreditNoteItem.Query().Where(creditnoteitem.HasCreditNoteWith(creditnote.StatementID(of.ID))).All(ctx)
	if err != nil {
		return c, fmt.Errorf("list what was credited: %w", err)
	}
	byTax := map[uuid.UUID]money.Decimal{}
	for _, item := range items {
		amount, err := money.Parse(item.Amount)
		if err != nil {
			return c, fmt.Errorf("read credit note item %s: %w", item.ID, err)
		}
		if item.TaxID != nil {
			byTax[*item.TaxID] = byTax[*item.TaxID].Add(amount)
		} else {
			c.Credited = c.Credited.Add(amount)
		}
	}
	for _, item := range taxes {
		amount, err := money.Parse(item.Amount)
		if err != nil {
			return c, fmt.Errorf("read statement item %s: %w", item.ID, err)
		}
		c.Taxes = append(c.Taxes, invoicing.CreditedTax{Amount: amount, Credited: byTax[item.ID]})
	}
	return c, nil
}

// nextCredit returns the next number of a seller, who is locked.
func nextCredit(ctx context.Context, tx *database.Tx, seller uuid.UUID) (int64, error) {
	last, err := tx.CreditNote.Query().Where(creditnote.SellerID(seller)).Order(ent.Desc(creditnote.FieldNumber)).First(ctx)
	if ent.IsNotFound(err) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the last number: %w", err)
	}
	return last.Number + 1, nil
}

func storeCreditItems(ctx context.Context, tx *database.Tx, note uuid.UUID, lines []NewCreditLine, taxes []*ent.StatementItem, parts []money.Decimal) error {
	var items []*ent.CreditNoteItemCreate
	item := func(kind creditnoteitem.Kind, label string, amount money.Decimal) *ent.CreditNoteItemCreate {
		create := tx.CreditNoteItem.Create().
			SetID(tx.NewID()).SetCreditNoteID(note).SetPosition(len(items)).SetKind(kind).SetLabel(label).SetAmount(amount.String())
		items = append(items, create)
		return create
	}
	for _, line := range lines {
		item(creditnoteitem.KindLINE, line.Reason, line.Amount)
	}
	for i, tax := range taxes {
		item(creditnoteitem.KindTAX, tax.Label, parts[i]).SetNillablePercent(tax.Percent).SetTaxID(tax.ID)
	}
	if err := tx.CreditNoteItem.CreateBulk(items...).Exec(asSystem(ctx)); err != nil {
		return fmt.Errorf("create credit note items: %w", err)
	}
	return nil
}

// CreditNote returns a credit note of a statement that the viewer sees, or
// NOT_FOUND.
func (s *Service) CreditNote(ctx context.Context, id uuid.UUID) (*CreditNote, error) {
	row, err := s.db.Client().CreditNote.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("credit note")
	}
	if err != nil {
		return nil, fmt.Errorf("get credit note: %w", err)
	}
	parties, err := s.records.Organizations(ctx, []uuid.UUID{row.SellerID, row.BuyerID})
	if err != nil {
		return nil, err
	}
	if !records.ReadsBillsOf(ctx, parties[row.BuyerID]) && !records.SeesPricesOf(ctx, parties[row.SellerID]) {
		return nil, fault.Missing("credit note")
	}
	told, err := s.wrapCredits(ctx, []*ent.CreditNote{row})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

// wrapCredits returns credit notes with their parties.
func (s *Service) wrapCredits(ctx context.Context, rows []*ent.CreditNote) ([]*CreditNote, error) {
	var ids, all, statements []uuid.UUID
	for _, row := range rows {
		ids = append(ids, row.SellerID, row.BuyerID)
		all, statements = append(all, row.ID), append(statements, row.StatementID)
	}
	parties, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	siblings, about := batch.Of(all...), batch.Of(statements...)
	told := make([]*CreditNote, len(rows))
	for i, row := range rows {
		var sums [3]money.Amount
		for i, text := range []string{row.Untaxed, row.Tax, row.Total} {
			sums[i].Currency = money.Currency(row.Currency)
			if sums[i].Decimal, err = money.Parse(text); err != nil {
				return nil, fmt.Errorf("read credit note %s: %w", row.ID, err)
			}
		}
		told[i] = &CreditNote{
			ID: typeid.New(typeid.CreditNote, row.ID), Seller: parties[row.SellerID].Refer(ctx), Buyer: parties[row.BuyerID].Refer(ctx),
			Number: creditNumber(row.Number), Reason: row.Reason, Untaxed: sums[0], Tax: sums[1], Total: sums[2],
			IssuedAt: row.CreatedAt.UTC(), StatementID: row.StatementID, sellerID: row.SellerID, buyerID: row.BuyerID, siblings: siblings, statements: about,
		}
	}
	return told, nil
}

// CreditDocument returns a credit note that the viewer sees as a file. The parties
// are named as on the statement.
func (s *Service) CreditDocument(ctx context.Context, n *CreditNote, format Format) (*Document, error) {
	st, err := s.StatementOf(ctx, n)
	if err != nil {
		return nil, err
	}
	items, err := s.creditItems(ctx, n)
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, []uuid.UUID{n.sellerID, n.buyerID})
	if err != nil {
		return nil, err
	}
	d := creditDocumentOf(n, st, items)
	d.Seller, d.Buyer = partyOf(n.Seller, profiles[n.sellerID]), partyOf(n.Buyer, profiles[n.buyerID])
	return fileOf(d, format, "credit-note-"+n.Number)
}

// creditDocumentOf returns what is printed of a credit note, but for its parties.
func creditDocumentOf(n *CreditNote, st *Statement, items *creditItems) paper.Document {
	d := paper.Document{
		Title: "Credit note", Number: n.Number, Currency: string(n.Total.Currency),
		Facts: []paper.Fact{{Label: "Month", Value: st.Month.String()}, {Label: "Issued", Value: n.IssuedAt.Format(time.DateOnly)}},
	}
	if st.Number != nil {
		d.Facts = append(d.Facts, paper.Fact{Label: "Credits statement", Value: *st.Number})
	}
	for _, line := range items.lines {
		d.Lines = append(d.Lines, paper.Line{Label: line.Reason, Amount: line.Amount.Decimal})
	}
	if len(items.taxes) > 0 {
		d.Totals = append(d.Totals, paper.Total{Kind: paper.Subtotal, Label: "Total without taxes", Amount: n.Untaxed.Decimal})
	}
	for _, tax := range items.taxes {
		d.Totals = append(d.Totals, paper.Total{Kind: paper.Tax, Label: tax.Name + percentText(&tax.Percent), Amount: tax.Amount.Decimal})
	}
	d.Totals = append(d.Totals, paper.Total{Label: "Total credited", Amount: n.Total.Decimal})
	if n.Reason != "" {
		d.Notes = []string{n.Reason}
	}
	return d
}

// StatementOf returns what a credit note that the viewer sees is about.
func (s *Service) StatementOf(ctx context.Context, n *CreditNote) (*Statement, error) {
	return batch.Load(ctx, n.statements, "statement", n.StatementID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Statement, error) {
		rows, err := s.db.Client().Statement.Query().Where(statement.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load statements: %w", err)
		}
		wrapped, err := s.wrap(ctx, rows)
		if err != nil {
			return nil, err
		}
		found := make(map[uuid.UUID]*Statement, len(rows))
		for _, st := range wrapped {
			found[st.ID.UUID] = st
		}
		return found, nil
	})
}

// creditNumber returns the number of a credit note as it is printed.
func creditNumber(n int64) string { return fmt.Sprintf("C%06d", n) }

// creditItems are the lines and taxes of a credit note.
type creditItems struct {
	lines []*CreditLine
	taxes []*CreditTax
}

// CreditLines returns what a credit note that the viewer sees takes back, in the
// order given.
func (s *Service) CreditLines(ctx context.Context, n *CreditNote) ([]*CreditLine, error) {
	items, err := s.creditItems(ctx, n)
	if err != nil {
		return nil, err
	}
	return items.lines, nil
}

// CreditTaxes returns how much of each tax a credit note that the viewer sees takes
// back.
func (s *Service) CreditTaxes(ctx context.Context, n *CreditNote) ([]*CreditTax, error) {
	items, err := s.creditItems(ctx, n)
	if err != nil {
		return nil, err
	}
	return items.taxes, nil
}

// creditItems loads the lines and taxes of credit notes, for all siblings at once.
func (s *Service) creditItems(ctx context.Context, n *CreditNote) (*creditItems, error) {
	ctx = asSystem(ctx) // whoever sees the credit note sees what is on it
	return batch.Load(ctx, n.siblings, "items", n.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*creditItems, error) {
		rows, err := s.db.Client().CreditNoteItem.Query().Where(creditnoteitem.CreditNoteIDIn(ids...)).
			WithCreditNote().Order(ent.Asc(creditnoteitem.FieldPosition)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("list credit note items: %w", err)
		}
		of := make(map[uuid.UUID]*creditItems, len(ids))
		for _, id := range ids {
			of[id] = &creditItems{lines: []*CreditLine{}, taxes: []*CreditTax{}}
		}
		for _, row := range rows {
			if err := of[row.CreditNoteID].add(row); err != nil {
				return nil, fmt.Errorf("read credit note item %s: %w", row.ID, err)
			}
		}
		return of, nil
	})
}

// add adds an item as it is stored.
func (i *creditItems) add(row *ent.CreditNoteItem) error {
	amount, err := money.Parse(row.Amount)
	if err != nil {
		return err
	}
	told := money.Amount{Decimal: amount, Currency: money.Currency(row.Edges.CreditNote.Currency)}
	if row.Kind == creditnoteitem.KindLINE {
		i.lines = append(i.lines, &CreditLine{Reason: row.Label, Amount: told})
		return nil
	}
	percent, err := money.Parse(*row.Percent)
	if err != nil {
		return err
	}
	i.taxes = append(i.taxes, &CreditTax{Name: row.Label, Percent: percent, Amount: told})
	return nil
}

// TotalCredited returns how much credit notes have taken back of a statement that
// the viewer sees, taxes included.
func (s *Service) TotalCredited(ctx context.Context, st *Statement) (*money.Amount, error) {
	credited, err := batch.Load(ctx, st.Siblings, "credited", st.ID.UUID, s.credited)
	if err != nil {
		return nil, err
	}
	total := st.amount(credited)
	return &total, nil
}

// credited returns the sums of the credit notes of statements.
func (s *Service) credited(ctx context.Context, statements []uuid.UUID) (map[uuid.UUID]money.Decimal, error) {
	rows, err := s.db.Client().CreditNote.Query().Where(creditnote.StatementIDIn(statements...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list credit notes: %w", err)
	}
	sums := make(map[uuid.UUID]money.Decimal, len(statements))
	for _, id := range statements {
		sums[id] = money.Decimal{}
	}
	for _, row := range rows {
		total, err := money.Parse(row.Total)
		if err != nil {
			return nil, fmt.Errorf("read credit note %s: %w", row.ID, err)
		}
		sums[row.StatementID] = sums[row.StatementID].Add(total)
	}
	return sums, nil
}
