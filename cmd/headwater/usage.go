package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/usage"
)

// usageCommand brings usage in and hands it out.
type usageCommand struct {
	Import usageImportCommand `cmd:"" help:"Import a FOCUS file or a provider's own billing file."`
	Export usageExportCommand `cmd:"" help:"Write what the usage of a month costs an organization."`
	Map    usageMapCommand    `cmd:"" help:"Say whose the usage of sub-accounts is."`
}

// usageImportCommand imports a file of usage.
type usageImportCommand struct {
	config.Database `embed:""`

	Organization        string            `required:"" placeholder:"SLUG" help:"The importing organization, a partner or the platform."`
	SkipBadRows         bool              `help:"Pass over rows that cannot be read instead of refusing the file."`
	CorrectClosedMonths bool              `help:"Book what differs of closed months as corrections in the first open month instead of refusing the file."`
	Column              map[string]string `placeholder:"NAME=VALUE" help:"The value of a FOCUS column that the file leaves out."`
	JSON                bool              `name:"json" help:"Print the import as one line of JSON."`
	File                string            `arg:"" help:"FOCUS, an AWS cost and usage report, an Azure cost export or an OCI cost report, as CSV or gzip-compressed CSV; - for standard input."`
}

// Help shows examples.
func (usageImportCommand) Help() string {
	return "Examples:\n  headwater usage import --organization platform 2026-10.csv.gz\n" +
		"  cat cur-2026-10-*.csv.gz | headwater usage import --organization platform -\n" +
		"  curl -s https://exports.example/2026-10.csv.gz | headwater usage import --organization platform --skip-bad-rows -"
}

// Run imports the file and prints what came of it.
func (c usageImportCommand) Run(ctx context.Context, io streams) (err error) {
	file, size, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer func() { err = closing(c.File, err, file.Close()) }()
	p, err := openPlatform(ctx, string(c.URL), commandBounds())
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	ctx = asSystem(ctx, "usage import")
	importer, err := p.records.BySlug(ctx, c.Organization)
	if err != nil {
		return fmt.Errorf("there is no organization %q", c.Organization)
	}
	show := newProgress(io.err)
	var format focus.Format
	imported, err := p.services.Usage.Import(ctx, importer.ID, file, usage.Options{
		SkipBadRows: c.SkipBadRows, CorrectClosedMonths: c.CorrectClosedMonths, Defaults: c.Column,
		Progress: func(reached usage.Progress) {
			format = reached.Format
			show.line(describeProgress(reached, size))
		},
	})
	show.clear()
	if err != nil {
		return interrupted(ctx, err)
	}
	if c.JSON {
		return printJSON(io.out, importDocument(imported))
	}
	return describeImport(io, imported, format)
}

// openInput opens a file, or standard input for "-", and returns its size, 0 if
// it is not known.
func openInput(name string) (file *os.File, size int64, err error) {
	if name == "-" {
		return os.Stdin, 0, nil
	}
	file, err = os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, 0, fmt.Errorf("read usage: %w", err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("read usage: %s is a directory", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

func describeProgress(reached usage.Progress, size int64) string {
	if size == 0 {
		return fmt.Sprintf("%d rows", reached.Rows)
	}
	return fmt.Sprintf("%d rows, %d %%", reached.Rows, 100*reached.Bytes/size)
}

// importLine is an import with the names that the API gives its fields.
type importLine struct {
	ID               string            `json:"id"`
	Status           usage.Status      `json:"status"`
	RowsRead         int               `json:"rowsRead"`
	RowsStored       int               `json:"rowsStored"`
	RowsSkipped      int               `json:"rowsSkipped"`
	UnattributedRows int               `json:"unattributedRows"`
	BilledCosts      []amountLine      `json:"billedCosts"`
	ErrorCount       int               `json:"errorCount"`
	Errors           []*usage.RowError `json:"errors"`
	CreatedAt        string            `json:"createdAt"`
}

type amountLine struct {
	Amount   money.Decimal  `json:"amount"`
	Currency money.Currency `json:"currency"`
}

func importDocument(i *usage.Import) importLine {
	line := importLine{
		ID: i.ID.String(), Status: i.Status,
		RowsRead: i.RowsRead, RowsStored: i.RowsStored, RowsSkipped: i.RowsSkipped, UnattributedRows: i.UnattributedRows,
		BilledCosts: []amountLine{}, ErrorCount: i.ErrorCount, Errors: i.RowErrors,
		CreatedAt: i.CreatedAt.Format("2006-01-02T15:04:05.999999Z07:00"),
	}
	for _, cost := range i.BilledCosts {
		line.BilledCosts = append(line.BilledCosts, amountLine{Amount: cost.Decimal, Currency: cost.Currency})
	}
	if line.Errors == nil {
		line.Errors = []*usage.RowError{}
	}
	return line
}

// describeImport tells a person what came of an import: the sums on stdout, the
// rows that were passed over on stderr. The format is told if it is not FOCUS,
// and "" if the file was known and not read again.
func describeImport(io streams, i *usage.Import, format focus.Format) error {
	fmt.Fprintf(io.out, "import %s is %s\n", i.ID, i.Status)
	if format != "" && format != focus.FormatFOCUS {
		fmt.Fprintf(io.out, "format: %s\n", format)
	}
	fmt.Fprintf(io.out, "rows: %d read, %d stored, %d skipped, %d unattributed\n", i.RowsRead, i.RowsStored, i.RowsSkipped, i.UnattributedRows)
	for _, cost := range i.BilledCosts {
		fmt.Fprintf(io.out, "billed: %s\n", cost)
	}
	return describeRowErrors(io.err, i)
}

func describeRowErrors(out io.Writer, i *usage.Import) error {
	for _, e := range i.RowErrors {
		where := fmt.Sprintf("line %d", e.Line)
		if e.Column != "" {
			where += ", " + e.Column
		}
		if _, err := fmt.Fprintf(out, "skipped %s: %s\n", where, e.Message); err != nil {
			return err
		}
	}
	if rest := i.ErrorCount - len(i.RowErrors); rest > 0 {
		fmt.Fprintf(out, "and %d more\n", rest)
	}
	return nil
}

// usageMapCommand says whose the usage of sub-accounts is.
type usageMapCommand struct {
	config.Database `embed:""`

	Organization string   `required:"" placeholder:"SLUG" help:"The importing organization, a partner or the platform."`
	SubAccount   []string `required:"" sep:"none" placeholder:"ID" help:"A sub-account as the files name it; may be repeated."`
	To           string   `required:"" placeholder:"SLUG" help:"The organization whose usage it is, at or below the importing one."`

	FirstMonth pricing.Month `placeholder:"MONTH" help:"The first month of charges that it is about, such as 2026-10; all before if absent."`
	LastMonth  pricing.Month `placeholder:"MONTH" help:"The last month of charges that it is about; no end if absent."`
}

// Help shows an example.
func (usageMapCommand) Help() string {
	return "Example:\n  headwater usage map --organization platform --sub-account 210987654321 --to acme"
}

// given returns nil for no month.
func given(m pricing.Month) *pricing.Month {
	if m.IsZero() {
		return nil
	}
	return &m
}

// Run maps the sub-accounts and prints them.
func (c usageMapCommand) Run(ctx context.Context, io streams) (err error) {
	p, err := openPlatform(ctx, string(c.URL), commandBounds())
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	ctx = asSystem(ctx, "usage map")
	importer, err := p.records.BySlug(ctx, c.Organization)
	if err != nil {
		return fmt.Errorf("there is no organization %q", c.Organization)
	}
	owner, err := p.records.BySlug(ctx, c.To)
	if err != nil {
		return fmt.Errorf("there is no organization %q", c.To)
	}
	mappings := make([]usage.NewMapping, len(c.SubAccount))
	for i, account := range c.SubAccount {
		mappings[i] = usage.NewMapping{
			SubAccountID: &account, OrganizationID: owner.ID, FirstMonth: given(c.FirstMonth), LastMonth: given(c.LastMonth),
		}
	}
	mapped, err := p.services.Usage.MapUsage(ctx, importer.ID, mappings)
	if err != nil {
		return err
	}
	for _, m := range mapped {
		fmt.Fprintf(io.out, "%s\t%s\n", strings.TrimSpace(*m.SubAccountID), m.Organization.Name)
	}
	return nil
}
