package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/server"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/typeid"
)

// usageExport returns the export that the parameters of an address ask for:
// organizationId and month, and if they are wanted customerId, format and
// compress. INVALID for a parameter that is missing, twice, unknown or wrong.
func (p *platform) usageExport(ctx context.Context, query url.Values) (*server.File, error) {
	organization, month, options, err := readExport(query)
	if err != nil {
		return nil, err
	}
	export, err := p.services.Costs.Export(ctx, organization, month, options)
	if err != nil {
		return nil, err
	}
	return &server.File{
		Name: export.Name, Type: export.Type,
		Write: func(w io.Writer) error { return export.Write(ctx, w) },
	}, nil
}

func readExport(query url.Values) (organization uuid.UUID, month pricing.Month, o costs.ExportOptions, err error) {
	for name, values := range query {
		if len(values) > 1 {
			return organization, month, o, fault.Invalidf(name, "%.40q comes twice", name)
		}
	}
	read := exportReader{query: url.Values{}}
	for name, values := range query {
		read.query[name] = values
	}
	organization = read.organization("organizationId")
	month = read.month("month")
	if read.query.Has("customerId") {
		customer := read.organization("customerId")
		o.Customer = &customer
	}
	o.Format = costs.Format(read.take("format"))
	switch compress := read.take("compress"); compress {
	case "":
	case "gzip":
		o.Gzip = true
	default:
		read.fail(fault.Invalidf("compress", "files are compressed by gzip, or not"))
	}
	for name := range read.query {
		read.fail(fault.Invalidf(name, "there is no parameter %.40q", name))
	}
	return organization, month, o, read.err
}

// exportReader takes parameters and keeps the first error.
type exportReader struct {
	query url.Values
	err   error
}

func (r *exportReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *exportReader) take(name string) string {
	value := r.query.Get(name)
	r.query.Del(name)
	return value
}

func (r *exportReader) organization(name string) uuid.UUID {
	id, err := typeid.Parse(r.take(name))
	if err != nil {
		r.fail(fault.Invalidf(name, "%s is the id of an organization", name))
		return uuid.UUID{}
	}
	organization, err := id.Expect(name, typeid.Organization)
	if err != nil {
		r.fail(err)
	}
	return organization
}

func (r *exportReader) month(name string) pricing.Month {
	month, err := pricing.ParseMonth(r.take(name))
	if err != nil {
		r.fail(fault.Invalidf(name, "%s is a month such as 2026-10", name))
	}
	return month
}

// usageExportCommand writes what usage costs into a file.
type usageExportCommand struct {
	config.Database `embed:""`

	Organization string `required:"" placeholder:"SLUG" help:"The organization whose bill it is."`
	Customer     string `placeholder:"SLUG" help:"A direct customer: what the organization charges it."`
	Month        string `required:"" placeholder:"YYYY-MM" help:"The billing month."`
	Format       string `default:"focus" enum:"focus,csv" help:"focus, which another installation can import, or csv."`
	Gzip         bool   `help:"Compress the file."`
	Output       string `default:"-" placeholder:"FILE" help:"Where to write; - for standard output."`
}

// Help shows examples.
func (usageExportCommand) Help() string {
	return "Examples:\n  headwater usage export --organization acme --month 2026-10 --output acme.csv\n" +
		"  headwater usage export --organization northwind --customer acme --month 2026-10 --gzip > acme.csv.gz"
}

// Run writes the file. One that breaks off leaves no file behind.
func (c usageExportCommand) Run(ctx context.Context, io streams) (err error) {
	month, err := pricing.ParseMonth(c.Month)
	if err != nil {
		return fmt.Errorf("%q is no month such as 2026-10", c.Month)
	}
	p, err := openPlatform(ctx, string(c.URL), commandBounds())
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	ctx = asSystem(ctx, "usage export")
	organization, err := p.records.BySlug(ctx, c.Organization)
	if err != nil {
		return fmt.Errorf("there is no organization %q", c.Organization)
	}
	o := costs.ExportOptions{Format: costs.Format(c.Format), Gzip: c.Gzip}
	if c.Customer != "" {
		customer, err := p.records.BySlug(ctx, c.Customer)
		if err != nil {
			return fmt.Errorf("there is no organization %q", c.Customer)
		}
		o.Customer = &customer.ID
	}
	export, err := p.services.Costs.Export(ctx, organization.ID, month, o)
	if err != nil {
		return err
	}
	if c.Output == "-" {
		return interrupted(ctx, export.Write(ctx, io.out))
	}
	return interrupted(ctx, writeWhole(c.Output, func(w *os.File) error { return export.Write(ctx, w) }))
}

// writeWhole writes a file that is there as a whole or not at all, and that its
// owner alone may read.
func writeWhole(name string, write func(w *os.File) error) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".export-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = errors.Join(write(file), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(file.Name()))
	}
	return nil
}
