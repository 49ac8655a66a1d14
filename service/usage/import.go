package usage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/ent/usagemapping"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Options are how a file is imported. The zero value is usable.
type Options struct {
	// SkipBadRows passes bad rows over and reports them instead of refusing the
	// file for the first of them.
	SkipBadRows bool
	// CorrectClosedMonths compares rows of months that are closed with what counts
	// of these, and books the differences as corrections in the first month that is
	// open; otherwise such rows refuse the file.
	CorrectClosedMonths bool
	// Defaults are the values of columns that the file does not have; see
	// focus.Options.
	Defaults map[string]string
	// Progress is told after every batch, by one goroutine at a time; nil for
	// nobody.
	Progress func(Progress)
}

// Progress is how far an import has come.
type Progress struct {
	// Format is that of the file.
	Format focus.Format
	// Rows is how many rows have been read.
	Rows int
	// Bytes is how much of the file, as it is stored, has been read.
	Bytes int64
}

// Import brings a file of usage in, FOCUS or a provider's own that package focus
// knows: every row is attributed to an organization, priced on each edge down to
// it and stored, and the roll-ups are made. What the file states replaces what earlier imports stated of the same
// sources; what is closed of that is corrected in an open month if the options say
// so. The same content again changes nothing and returns the import that brought it,
// unless something else has restated part of that since.
//
// Needs usage:import. A bad row refuses the whole file, INVALID, unless it is
// skipped, and a row of a closed month does, PERIOD_CLOSED, unless that is corrected:
// then it is a CONFLICT if the lines of the month are archived, or if it is closed or
// corrected at the same time. A refused file changes nothing. Memory does not grow with the file.
// A file that can be sought is read twice, first only to know its content.
func (s *Service) Import(ctx context.Context, importer uuid.UUID, file io.Reader, o Options) (*Import, error) {
	organization, err := s.checkImporter(ctx, access.UsageImport, importer)
	if err != nil {
		return nil, err
	}
	known, found, err := s.knownContent(ctx, importer, file)
	if err != nil {
		return nil, err
	}
	if found {
		return wrapImport(known)
	}
	reader, err := focus.NewReader(file, focus.Options{Defaults: o.Defaults})
	if err != nil {
		return nil, err
	}
	p, err := s.prepare(ctx, organization, noDataset)
	if err != nil {
		return nil, err
	}
	row, err := s.begin(ctx, importer)
	if err != nil {
		return nil, err
	}
	l := newLoading(s.db, row, p, reader, o, s.batch)
	if o.CorrectClosedMonths {
		l.closed = p.closed
	}
	active, err := s.loadAndActivate(ctx, l)
	if err != nil {
		return nil, joined(err, s.discard(ctx, row.ID))
	}
	if active.ID != row.ID {
		// Somebody else brought the same content in meanwhile.
		if err := s.discard(ctx, row.ID); err != nil {
			return nil, err
		}
	}
	return wrapImport(active)
}

// joined returns the first error alone if there is no second.
func joined(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// knownContent returns the ACTIVE import of the same content. A file that
// cannot be sought is not known before it has been read.
func (s *Service) knownContent(ctx context.Context, importer uuid.UUID, file io.Reader) (known *ent.UsageImport, found bool, err error) {
	seeker, ok := file.(io.ReadSeeker)
	if !ok {
		return nil, false, nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false, nil //nolint:nilerr // a pipe has the method and cannot do it
	}
	sum, err := focus.ContentHash(file, focus.Options{})
	if err != nil {
		return nil, false, err
	}
	if _, err := seeker.Seek(start, io.SeekStart); err != nil {
		return nil, false, fmt.Errorf("go back to the start of the usage file: %w", err)
	}
	return activeImport(ctx, s.db.Client(), importer, hex.EncodeToString(sum[:]))
}

// activeImport returns the ACTIVE import of a content. There is one at most.
func activeImport(ctx context.Context, client *ent.Client, importer uuid.UUID, hash string) (active *ent.UsageImport, found bool, err error) {
	active, err = client.UsageImport.Query().
		Where(usageimport.OrganizationID(importer), usageimport.ContentHash(hash), usageimport.StatusEQ(usageimport.StatusACTIVE)).
		Only(ctx)
	if ent.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("look for the same content: %w", err)
	}
	return active, true, nil
}

// plan is everything that decides about a row, as it stood when the import
// began.
type plan struct {
	attribution *attribution
	rater       *pricing.Rater
	// closed is the last month that was closed.
	closed pricing.Month
	// revision is when that was, organizations are whose mappings and prices they
	// are.
	revision      int64
	organizations []uuid.UUID
}

// noDataset is none of those that there are.
const noDataset = 0

// prepare loads mappings, chains and price rules in one snapshot, with the owners
// that the events of a dataset name, if any.
func (s *Service) prepare(ctx context.Context, importer records.Organization, dataset int64) (plan, error) {
	var p plan
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		mappings, err := tx.UsageMapping.Query().Where(usagemapping.ImporterID(importer.ID)).All(ctx)
		if err != nil {
			return fmt.Errorf("load mappings: %w", err)
		}
		store := s.records.In(tx)
		owners, err := ownersByID(ctx, store, mappings)
		if err != nil {
			return err
		}
		if p.attribution, err = attribute(importer, mappings, owners); err != nil {
			return err
		}
		if err := nameOwners(ctx, tx, store, p.attribution, importer, dataset); err != nil {
			return err
		}
		selling := sellers(p.attribution)
		rules, err := store.Rules(ctx, selling)
		if err != nil {
			return err
		}
		p.rater = pricing.NewBook(rules).Rater()
		p.organizations = slices.Concat(selling, []uuid.UUID{importer.ID})
		if p.closed, err = tx.ClosedThrough(ctx, importer.ID); err != nil {
			return err
		}
		p.revision, err = tx.Revision(ctx)
		return err
	})
	return p, err
}

// nameOwners notes the owners that the events of a dataset name.
func nameOwners(ctx context.Context, tx *database.Tx, store *records.Store, a *attribution, importer records.Organization, dataset int64) error {
	owners, err := tx.MeteredOwners(ctx, dataset)
	if err != nil || len(owners) == 0 {
		return err
	}
	ids := make([]uuid.UUID, len(owners))
	for i, o := range owners {
		ids[i] = o.Owner
	}
	organizations, err := store.Organizations(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range owners {
		a.name(o, organizations[o.Owner].Path().From(orgtree.ID(importer.ID)))
	}
	return nil
}

// pathsAtOnce keeps a statement below the drivers' limits on parameters.
const pathsAtOnce = 10_000

// ownersByID returns the organizations that the mappings name.
func ownersByID(ctx context.Context, store *records.Store, mappings []*ent.UsageMapping) (map[uuid.UUID]records.Organization, error) {
	wanted := map[uuid.UUID]bool{}
	for _, m := range mappings {
		wanted[m.OrganizationID] = true
	}
	owners := make(map[uuid.UUID]records.Organization, len(wanted))
	for ids := range slices.Chunk(slices.Collect(maps.Keys(wanted)), pathsAtOnce) {
		some, err := store.Organizations(ctx, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(owners, some)
	}
	return owners, nil
}

// attribute arranges the mappings. A mapping whose organization is not below
// the importing one any more fits nothing.
func attribute(importer records.Organization, mappings []*ent.UsageMapping, owners map[uuid.UUID]records.Organization) (*attribution, error) {
	top := orgtree.ID(importer.ID)
	a := newAttribution(newOwner(orgtree.Path{top}, nil, false))
	for _, m := range mappings {
		chain := owners[m.OrganizationID].Path().From(top)
		if len(chain) == 0 {
			continue
		}
		first, err := optionalMonth(m.FirstMonth)
		if err != nil {
			return nil, err
		}
		last, err := optionalMonth(text(m.LastMonth))
		if err != nil {
			return nil, err
		}
		a.add(patternOf(m), term{first: value(first), last: value(last), owner: newOwner(chain, m.GroupID, true)})
	}
	return a, nil
}

// sellers returns the organizations that sell to another on some chain.
func sellers(a *attribution) []uuid.UUID {
	selling := map[uuid.UUID]bool{}
	for _, terms := range a.terms {
		for _, t := range terms {
			for _, seller := range t.owner.chain.Ancestors() {
				selling[uuid.UUID(seller)] = true
			}
		}
	}
	for _, o := range a.events {
		for _, seller := range o.chain.Ancestors() {
			selling[uuid.UUID(seller)] = true
		}
	}
	return slices.Collect(maps.Keys(selling))
}

// begin makes the import under which rows are loaded. It is not journaled: it
// changes nothing that anybody can see in a cost.
func (s *Service) begin(ctx context.Context, importer uuid.UUID) (*ent.UsageImport, error) {
	now := s.db.Now()
	var row *ent.UsageImport
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		create := tx.UsageImport.Create().
			SetID(s.db.NewID()).SetOrganizationID(importer).SetStatus(usageimport.StatusLOADING).
			SetContentHash("").SetErrors("[]").SetBilledCosts("[]").
			SetCreatedAt(now).SetTouchedAt(now)
		if viewer := access.ViewerFrom(ctx); !viewer.ID.IsZero() {
			create.SetActorID(uuid.UUID(viewer.ID))
		}
		var err error
		row, err = create.Save(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("begin import: %w", err)
	}
	return row, nil
}

// loadAndActivate reads, rates and loads the file and makes the import ACTIVE.
// It returns the import that holds the content now, which may be another one.
// Reading and loading go on side by side.
func (s *Service) loadAndActivate(ctx context.Context, l *loading) (*ent.UsageImport, error) {
	work, workCtx := errgroup.WithContext(ctx)
	batches := make(chan *batch, 1)
	work.Go(func() error {
		defer close(batches)
		return l.readAll(workCtx, func(b *batch) error {
			select {
			case batches <- b:
				return nil
			case <-workCtx.Done():
				return workCtx.Err()
			}
		})
	})
	work.Go(func() error {
		for b := range batches {
			if err := s.loadBatch(workCtx, l, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return nil, err
	}
	if err := s.correct(ctx, l); err != nil {
		return nil, err
	}
	return s.activate(ctx, l)
}

func (s *Service) loadBatch(ctx context.Context, l *loading, b *batch) error {
	if err := s.db.LoadUsage(ctx, l.id, b.datasets, b.lines, b.rated, b.rollups); err != nil {
		return err
	}
	l.progress(b.reached)
	return nil
}
