package statements

import (
	"context"
	"fmt"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// told is what an event about a statement tells. The buyer does not learn by it who
// the seller is.
type told struct {
	Side             Side                  `json:"side"`
	StatementID      typeid.ID             `json:"statementId"`
	Number           *string               `json:"number"`
	Month            string                `json:"month"`
	Status           Status                `json:"status"`
	BuyerID          typeid.ID             `json:"buyerId"`
	Total            records.MessageAmount `json:"total"`
	DueAt            *time.Time            `json:"dueAt"`
	PaymentReference string                `json:"paymentReference,omitempty"`
	Reason           string                `json:"reason,omitempty"`
	CreditNote       *toldCredit           `json:"creditNote,omitempty"`
}

type toldCredit struct {
	ID     typeid.ID             `json:"id"`
	Number string                `json:"number"`
	Total  records.MessageAmount `json:"total"`
}

// announce tells webhooks of both sides what has become of statements, and of
// nobody else: nobody above a seller knows what it charges.
func announce(ctx context.Context, tx *database.Tx, event records.Event, rows []*ent.Statement, credited *toldCredit) error {
	announcements := make([]records.Announcement, 0, 2*len(rows))
	for _, row := range rows {
		data, err := toldOf(row)
		if err != nil {
			return err
		}
		data.CreditNote = credited
		data.Side = Seller
		announcements = append(announcements, records.Announcement{Event: event, Organization: row.SellerID, Data: data})
		data.Side = Buyer
		announcements = append(announcements, records.Announcement{Event: event, Organization: row.BuyerID, Data: data})
	}
	return records.Announce(ctx, tx, announcements)
}

func toldOf(row *ent.Statement) (told, error) {
	total, err := money.Parse(row.Total)
	if err != nil {
		return told{}, fmt.Errorf("read statement %s: %w", row.ID, err)
	}
	return told{
		StatementID: typeid.New(typeid.Statement, row.ID), Number: numberText(row.Number), Month: row.Month, Status: Status(row.Status),
		BuyerID: typeid.New(typeid.Organization, row.BuyerID), Total: records.MessageAmount{Amount: total, Currency: row.Currency},
		DueAt: database.InUTC(row.DueAt), PaymentReference: row.PaymentReference, Reason: row.Reason,
	}, nil
}

// announceCredit tells webhooks of both sides that some of a statement was taken
// back.
func announceCredit(ctx context.Context, tx *database.Tx, of *ent.Statement, note *ent.CreditNote) error {
	total, err := money.Parse(note.Total)
	if err != nil {
		return fmt.Errorf("read credit note %s: %w", note.ID, err)
	}
	return announce(ctx, tx, records.StatementCredited, []*ent.Statement{of}, &toldCredit{
		ID: typeid.New(typeid.CreditNote, note.ID), Number: creditNumber(note.Number), Total: records.MessageAmount{Amount: total, Currency: note.Currency},
	})
}
