package usage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	batches "github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
)

// Bounds of a rating. What a process that dies has loaded since the last stretch
// was complete is loaded again.
const (
	stretchLines = 50_000
	// stretchesPerJob keeps a job well below the time that it may take.
	stretchesPerJob = 4
)

// Rate does a job of the kind database.RateUsage: it attributes and prices the
// lines of a dataset again, by the mappings and prices of now, and makes that
// count in place of what was before, at once. A long rating is cut into jobs. One
// that was overtaken by another change is left to the job of that one.
func (s *Service) Rate(ctx context.Context, payload []byte) error {
	var job database.RateUsageJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return database.Hopeless(fmt.Errorf("read job: %w", err))
	}
	rating, wanted, err := s.db.BeginRating(ctx, job.Dataset)
	if err != nil {
		return err
	}
	if wanted {
		err = s.rate(ctx, rating)
	}
	if err != nil && !errors.Is(err, database.ErrOvertaken) {
		return err
	}
	return s.db.UnloadRatings(ctx, job.Dataset)
}

func (s *Service) rate(ctx context.Context, rating database.Rating) error {
	importer, err := s.records.Organization(ctx, rating.Importer)
	if err != nil {
		return err
	}
	p, err := s.prepare(ctx, importer, rating.Dataset)
	if err != nil {
		return err
	}
	r := &rerating{db: s.db, rating: rating, attribution: p.attribution, ledger: newLedger(s.db, p.rater, maxRatedRollups), lines: s.stretch}
	for r.rated < stretchesPerJob*r.lines {
		complete, err := r.stretch(ctx)
		if err != nil {
			return err
		}
		if complete {
			return s.activateRating(ctx, r.rating)
		}
	}
	_, err = s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		return tx.Enqueue(ctx, database.RatingOf(rating.Importer, rating.Dataset, rating.Number, r.rating.Reached))
	})
	return err
}

func (s *Service) activateRating(ctx context.Context, rating database.Rating) error {
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.ActivateRating(ctx, rating); err != nil {
			return err
		}
		return tx.EnqueueCheck(ctx, rating.Importer, fmt.Sprintf("%d:%d", rating.Dataset, rating.Number))
	})
	return err
}

// rerating attributes and prices the stored lines of a dataset again.
type rerating struct {
	db          *database.DB
	rating      database.Rating
	attribution *attribution
	ledger      *ledger
	// lines is how many a stretch has at most, rated how many the job has rated.
	lines, rated int
}

// stretch rates the next lines and notes that it has reached them. It reports
// whether there are no more.
func (r *rerating) stretch(ctx context.Context) (complete bool, err error) {
	reached, most := r.rating.Reached, min(batchLines, r.lines)
	for n := 0; n < r.lines && !r.ledger.full() && !complete; {
		lines, err := r.db.StoredLines(ctx, r.rating.Dataset, reached, most)
		if err != nil {
			return false, err
		}
		if err := r.load(ctx, lines); err != nil {
			return false, err
		}
		n, r.rated = n+len(lines), r.rated+len(lines)
		if complete = len(lines) < most; len(lines) > 0 {
			reached = lines[len(lines)-1].ID
		}
	}
	return complete, r.reach(ctx, reached)
}

// load writes the rated lines of a batch.
func (r *rerating) load(ctx context.Context, lines []database.StoredLine) error {
	b := newBatch()
	for i := range lines {
		row, err := storedRow(&lines[i])
		if err != nil {
			return fmt.Errorf("read usage line %d: %w", lines[i].ID, err)
		}
		o := r.ownerOf(&lines[i], row)
		if err := r.ledger.rate(row, o, cmp.Or(lines[i].PriceMonth, priceMonth(row))); err != nil {
			return err
		}
		e := entry{dataset: r.rating.Dataset, rating: r.rating.Number, line: lines[i].ID, month: lines[i].Month}
		if err := r.ledger.enter(ctx, b, e, row, o); err != nil {
			return err
		}
	}
	return r.db.LoadRating(ctx, r.rating, b.rated)
}

// ownerOf returns whose a line is: the event says so, or a mapping.
func (r *rerating) ownerOf(line *database.StoredLine, row *focus.Row) *owner {
	if line.Owner.Valid {
		return r.attribution.named(database.MeteredOwner{Owner: line.Owner.UUID, Group: line.Group})
	}
	return r.attribution.ownerOf(row)
}

// reach writes the roll-ups of the lines up to the given one and notes that the
// rating has reached it.
func (r *rerating) reach(ctx context.Context, line int64) error {
	b := newBatch()
	err := r.ledger.flush(ctx, r.rating.Number, func() (*batch, error) { return b, nil })
	if err != nil {
		return err
	}
	reached := r.rating
	reached.Reached = line
	if err := r.db.LoadRating(ctx, reached, b.rollups); err != nil {
		return err
	}
	r.rating = reached
	return nil
}

// storedRow returns a stored line as the attribution and pricing read a row.
func storedRow(line *database.StoredLine) (*focus.Row, error) {
	start := line.Month.Start()
	row := &focus.Row{
		Line: line.Line, BillingCurrency: line.Currency, BillingPeriodStart: start, ChargePeriodStart: line.ChargePeriodStart,
		ChargeCategory: string(line.Facts.ChargeCategory), ChargeClass: line.ChargeClass,
		Provider: line.Facts.Provider, ServiceName: line.Facts.Service, SKU: line.Facts.SKU, Region: line.Facts.Region,
		SubAccountID: line.SubAccountID,
	}
	var err error
	if row.BilledCost, err = money.Parse(line.BilledCost); err != nil {
		return nil, err
	}
	if line.ListCost != nil {
		list, err := money.Parse(*line.ListCost)
		if err != nil {
			return nil, err
		}
		row.ListCost = focus.Some(list)
	}
	return row, json.Unmarshal([]byte(line.Tags), &row.Tags)
}

// RatingProgress is how far the ratings have come that an organization's usage
// waits for, because mappings or prices have changed.
type RatingProgress struct {
	// Datasets is how many billing months of billing accounts wait, Lines how many
	// lines they have and LinesDone how many of these are rated again. All are 0
	// when nothing waits.
	Datasets, Lines, LinesDone int
}

// RatingProgress returns how far the ratings of an organization's usage have
// come. It is loaded for all siblings at once. It needs usage:import.
func (s *Service) RatingProgress(ctx context.Context, siblings *batches.Siblings, importer uuid.UUID) (*RatingProgress, error) {
	if _, err := s.records.Check(ctx, access.UsageImport, importer); err != nil {
		return nil, err
	}
	p, err := batches.Load(ctx, siblings, "usage rating", importer, s.db.RatingProgress)
	if err != nil && fault.CodeOf(err) != fault.NotFound { // which is an organization that waits for none
		return nil, err
	}
	return &RatingProgress{Datasets: p.Datasets, Lines: p.Lines, LinesDone: p.Done}, nil
}
