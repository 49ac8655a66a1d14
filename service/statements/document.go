package statements

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/paper"
	"github.com/headwater-platform/headwater/records"
)

// Format is how a document is written.
type Format string

// The formats.
const (
	PDF Format = "PDF"
	CSV Format = "CSV"
)

// Document is a statement or a credit note as a file.
type Document struct {
	FileName  string
	MediaType string
	// Content is the file in base64.
	Content string
}

// Document returns a statement that the viewer sees as a file. The parties are
// named as their billing profiles say now; one without is named as the viewer sees
// it.
func (s *Service) Document(ctx context.Context, st *Statement, format Format) (*Document, error) {
	row, err := s.find(ctx, st.ID.UUID)
	if err != nil {
		return nil, err
	}
	lines, err := s.db.Client().StatementLine.Query().Where(statementline.StatementID(row.ID)).
		WithStatement().Order(ent.Asc(statementline.FieldPosition)).All(asSystem(ctx)) // whoever sees the statement sees its lines
	if err != nil {
		return nil, fmt.Errorf("load statement lines: %w", err)
	}
	wrapped, err := wrapLines(lines)
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, []uuid.UUID{row.SellerID, row.BuyerID})
	if err != nil {
		return nil, err
	}
	beside, err := s.items(ctx, st)
	if err != nil {
		return nil, err
	}
	d := documentOf(st, wrapped, beside, partyOf(st.Seller, profiles[row.SellerID]), partyOf(st.Buyer, profiles[row.BuyerID]))
	return fileOf(d, format, fmt.Sprintf("statement-%s-%s", st.Month, d.Number))
}

// fileOf writes a document. The name is without an extension.
func fileOf(d paper.Document, format Format, name string) (*Document, error) {
	kinds := map[Format]struct {
		write     func(io.Writer, paper.Document) error
		extension string
		media     string
	}{PDF: {paper.WritePDF, "pdf", "application/pdf"}, CSV: {paper.WriteCSV, "csv", "text/csv"}}
	kind := kinds[format]
	var file bytes.Buffer
	if err := kind.write(&file, d); err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return &Document{
		FileName:  name + "." + kind.extension,
		MediaType: kind.media, Content: base64.StdEncoding.EncodeToString(file.Bytes()),
	}, nil
}

func partyOf(as *records.Reference, p Profile) paper.Party {
	name := as.Name
	if p.Company != "" {
		name = p.Company
	}
	address := p.Address
	if p.Country != "" {
		address = append(address[:len(address):len(address)], p.Country)
	}
	return paper.Party{Name: name, Address: address, VATID: p.VATID, Email: p.Email}
}

// documentOf returns what is printed of a statement.
func documentOf(st *Statement, lines []*Line, beside *items, seller, buyer paper.Party) paper.Document {
	d := paper.Document{
		Title: "Statement", Seller: seller, Buyer: buyer, Currency: string(st.Total.Currency),
		Facts: []paper.Fact{{Label: "Month", Value: st.Month.String()}},
	}
	switch st.Status {
	case Closed:
		d.Title, d.Watermark = "Draft of a statement", "DRAFT"
	case Void:
		d.Watermark = "VOID"
	case Issued, Paid:
	}
	if st.Number != nil {
		d.Number = *st.Number
	}
	for _, fact := range []struct {
		label string
		at    *time.Time
	}{{"Issued", st.IssuedAt}, {"Due", st.DueAt}} {
		if fact.at != nil {
			d.Facts = append(d.Facts, paper.Fact{Label: fact.label, Value: fact.at.Format(time.DateOnly)})
		}
	}
	if st.Status == Paid {
		d.Facts = append(d.Facts, paper.Fact{Label: "Paid", Value: st.SettledAt.Format(time.DateOnly)})
	}
	for _, l := range lines {
		d.Lines = append(d.Lines, paper.Line{Label: l.Label(), Amount: l.Amount.Decimal})
	}
	for _, x := range beside.discounts {
		d.Lines = append(d.Lines, paper.Line{Kind: paper.Discount, Label: x.Label + percentText(x.Percent), Amount: x.Amount.Decimal})
	}
	for _, x := range beside.fees {
		d.Lines = append(d.Lines, paper.Line{Kind: paper.Fee, Label: x.Label, Amount: x.Amount.Decimal})
	}
	if len(beside.taxes) > 0 {
		d.Totals = append(d.Totals, paper.Total{Kind: paper.Subtotal, Label: "Total without taxes", Amount: st.TotalUntaxed().Decimal})
	}
	for _, x := range beside.taxes {
		label := x.Name + percentText(&x.Percent) + " of " + x.Base.Figures()
		d.Totals = append(d.Totals, paper.Total{Kind: paper.Tax, Label: label, Amount: x.Amount.Decimal})
		if x.ReverseCharge {
			d.Notes = append(d.Notes, x.Name+": reverse charge. The buyer owes the tax.")
		}
	}
	d.Totals = append(d.Totals, paper.Total{Label: "Total", Amount: st.Total.Decimal})
	if st.Status == Void {
		d.Notes = append(d.Notes, "Taken back: "+st.Reason)
	}
	return d
}

// percentText returns a percent as it follows a label, "" for none.
func percentText(percent *money.Decimal) string {
	if percent == nil {
		return ""
	}
	return " (" + percent.String() + " %)"
}
