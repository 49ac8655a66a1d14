package costs

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Format is how an export is written.
type Format string

// The formats: a FOCUS file, which another installation can import, and a table
// for people.
const (
	FOCUS Format = "focus"
	CSV   Format = "csv"
)

// ExportOptions are what an export is of. The zero value is what the organization
// pays, as a FOCUS file.
type ExportOptions struct {
	// Customer is a direct customer whose usage is exported as it is sold to it.
	Customer *uuid.UUID
	Format   Format
	// Gzip compresses the file.
	Gzip bool
}

// Export is the usage of a billing month as one buyer pays for it, ready to be
// written.
type Export struct {
	// Name is that of the file, in ASCII, and Type its media type.
	Name string
	Type string

	service  *Service
	query    database.CostLineQuery
	datasets database.RatedDatasets
	options  ExportOptions
	buyer    records.Organization
	// showsPrice says that the seller shows the buyer the factors of its price.
	showsPrice bool
}

// Export returns the usage of a billing month at one edge: what an organization
// pays, or what it charges a direct customer. Like the lines that Lines returns,
// what an organization brought in itself is at its source cost.
//
// It needs billing:read in the organization. Its own people, and platform:read,
// export what it pays and what it charges; who comes in from an organization above
// gets what that one charges for the usage, and is FORBIDDEN a customer.
// NOT_FOUND for a customer that the viewer does not see, INVALID for one that is
// not directly below, and for an unknown format.
//
// Whoever exports it, the file is made for the buyer: see row for what is in it.
func (s *Service) Export(ctx context.Context, organization uuid.UUID, month pricing.Month, o ExportOptions) (*Export, error) {
	org, err := s.records.Check(ctx, access.BillingRead, organization)
	if err != nil {
		return nil, err
	}
	if o.Format == "" {
		o.Format = FOCUS
	}
	if o.Format != FOCUS && o.Format != CSV {
		return nil, fault.Invalidf("format", "the format is %s or %s", FOCUS, CSV)
	}
	scope, subject := scopeOf(ctx, org), org
	if o.Customer != nil {
		if scope, subject, err = s.sale(ctx, scope, org, *o.Customer); err != nil {
			return nil, err
		}
	}
	e := &Export{
		Name: fileName(subject, month, o), Type: mediaType(o), service: s, options: o, buyer: subject,
		query: database.CostLineQuery{Scope: scope, Month: month},
	}
	return e, s.prepare(ctx, e)
}

// sale returns the scope of what an organization charges a direct customer, and
// the customer.
func (s *Service) sale(ctx context.Context, scope database.CostScope, seller records.Organization, customer uuid.UUID) (database.CostScope, records.Organization, error) {
	if scope.Customer != nil {
		return scope, seller, sellersOnly()
	}
	buyer, err := s.records.Organization(ctx, customer)
	if err != nil {
		return scope, seller, err
	}
	if !records.Sees(scope.Reach, buyer.Line()) {
		return scope, seller, fault.Missing("organization")
	}
	if manager, ok := buyer.Manager(); !ok || manager.ID != seller.ID {
		return scope, seller, fault.Invalidf("customerId", "this is no direct customer of the organization")
	}
	scope.Customer, scope.Below = &buyer.ID, buyer.ID
	return scope, buyer, nil
}

// prepare finds out who buys, what is shown to them, and what counts now.
func (s *Service) prepare(ctx context.Context, e *Export) error {
	if customer := e.query.Scope.Customer; customer != nil && *customer != e.buyer.ID {
		buyer, err := s.records.Organization(ctx, *customer)
		if err != nil {
			return err
		}
		e.buyer = buyer
	}
	var err error
	if e.showsPrice, err = s.records.ShowsPriceTo(ctx, e.buyer); err != nil {
		return err
	}
	return s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		e.datasets, err = tx.RatedDatasets(ctx, e.query)
		return err
	})
}

// fileName names the file after whose usage is in it.
func fileName(subject records.Organization, month pricing.Month, o ExportOptions) string {
	name := fmt.Sprintf("usage-%s-%s.csv", subject.Slug, month)
	if o.Format == FOCUS {
		name = fmt.Sprintf("usage-%s-%s.focus.csv", subject.Slug, month)
	}
	if o.Gzip {
		name += ".gz"
	}
	return name
}

func mediaType(o ExportOptions) string {
	if o.Gzip {
		return "application/gzip"
	}
	return "text/csv; charset=utf-8"
}

// exportPage is how many lines one transaction reads.
const exportPage = 1000

// Write writes the file, in the order in which the lines came in. It reads pages
// in short transactions, so that memory does not grow with the month and no
// transaction stays open for a reader that is slow. All lines are of the imports
// and the rating that counted when the export was asked for: if these do not count
// any more, it returns CONFLICT, and what was written is to be thrown away.
func (e *Export) Write(ctx context.Context, w io.Writer) error {
	out, err := e.writer(w)
	if err != nil {
		return err
	}
	t := &exportTeller{service: e.service, organizations: map[uuid.UUID]records.Organization{}}
	after, more := int64(0), true
	for more {
		lines, err := e.read(ctx, after)
		if err != nil {
			return err
		}
		if err := t.learn(ctx, lines); err != nil {
			return err
		}
		for i := range lines {
			if err := e.writeLine(ctx, out, t, &lines[i]); err != nil {
				return err
			}
			after = lines[i].Line
		}
		more = len(lines) == exportPage
	}
	return out.Close()
}

// read reads a page of lines. With the last page it finds out whether all pages
// are of what counted in the beginning: a rating that was overtaken, and a dataset
// that was superseded, never count again.
func (e *Export) read(ctx context.Context, after int64) ([]database.ExportLine, error) {
	var lines []database.ExportLine
	err := e.service.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if lines, err = tx.ExportLines(ctx, e.query, after, exportPage); err != nil || len(lines) == exportPage {
			return err
		}
		counts, err := tx.StillCounts(ctx, e.datasets)
		if err == nil && !counts {
			return overtaken()
		}
		return err
	})
	return lines, err
}

func overtaken() error {
	return fault.New(fault.Conflict, "usage of the month was imported or priced again while it was exported; export it again")
}

// writeLine writes a line, unless it was imported since the export was asked for.
func (e *Export) writeLine(ctx context.Context, out lineWriter, t *exportTeller, line *database.ExportLine) error {
	rating, known := e.datasets[line.Dataset]
	switch {
	case !known:
		return nil
	case rating != line.Rating:
		return overtaken()
	}
	row, err := e.row(t, line)
	if err != nil {
		return err
	}
	return out.Write(&row, t.owner(ctx, line.Owner))
}

// lineWriter writes the rows of a file. The owner is whose usage a row is.
type lineWriter interface {
	Write(row *focus.Row, owner *records.Reference) error
	Close() error
}

func (e *Export) writer(w io.Writer) (lineWriter, error) {
	if e.options.Format == FOCUS {
		out, err := focus.NewWriter(w, focus.WriterOptions{Gzip: e.options.Gzip})
		return focusFile{out}, err
	}
	if e.options.Gzip {
		compressed := gzip.NewWriter(w)
		return newTable(compressed, compressed)
	}
	return newTable(w, nil)
}

// focusFile writes a FOCUS file, which has no column for the owner: another
// installation gives the rows owners of its own.
type focusFile struct{ *focus.Writer }

// Write writes a row.
func (f focusFile) Write(row *focus.Row, _ *records.Reference) error { return f.Writer.Write(row) }
