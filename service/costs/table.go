package costs

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/records"
)

// table writes rows as a table for people, with the names that the API gives the
// fields of a line.
type table struct {
	csv *csv.Writer
	// under is closed with the table, nil for nothing.
	under io.Closer
}

func newTable(w io.Writer, under io.Closer) (*table, error) {
	t := &table{csv: csv.NewWriter(w), under: under}
	return t, t.write([]string{
		"chargePeriodStart", "chargePeriodEnd", "seller", "organizationId", "organization", "provider", "service", "sku", "region",
		"chargeCategory", "chargeClass", "description", "subAccountId", "resourceId", "quantity", "unit", "amount", "currency", "tags",
	})
}

// Write writes a row.
func (t *table) Write(row *focus.Row, owner *records.Reference) error {
	id, quantity := "", ""
	if owner.ID != nil {
		id = owner.ID.String()
	}
	if row.PricingQuantity.Valid {
		quantity = row.PricingQuantity.Decimal.String()
	}
	tags, err := tagsText(row.Tags)
	if err != nil {
		return err
	}
	return t.write([]string{
		row.ChargePeriodStart.Format(time.RFC3339), row.ChargePeriodEnd.Format(time.RFC3339), plain(row.InvoiceIssuer), id, plain(owner.Name),
		plain(row.Provider), plain(row.ServiceName), plain(row.SKU), plain(row.Region), row.ChargeCategory, row.ChargeClass,
		plain(row.ChargeDescription), plain(row.SubAccountID), plain(row.ResourceID), quantity, plain(row.PricingUnit),
		row.BilledCost.String(), row.BillingCurrency, tags,
	})
}

// Close writes what is buffered.
func (t *table) Close() error {
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return fmt.Errorf("write usage table: %w", err)
	}
	if t.under == nil {
		return nil
	}
	if err := t.under.Close(); err != nil {
		return fmt.Errorf("write usage table: %w", err)
	}
	return nil
}

func (t *table) write(record []string) error {
	if err := t.csv.Write(record); err != nil {
		return fmt.Errorf("write usage table: %w", err)
	}
	return nil
}

// plain returns a text that no spreadsheet takes for a formula.
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// tagsText returns tags as a JSON object, "" for none.
func tagsText(tags map[string]string) (string, error) {
	if len(tags) == 0 {
		return "", nil
	}
	text, err := json.Marshal(tags)
	if err != nil {
		return "", fmt.Errorf("write tags: %w", err)
	}
	return string(text), nil
}
