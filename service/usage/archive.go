package usage

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/pricing"
)

// archiveAfter is the setting that says after how many months lines of usage are
// archived, 0 for never.
const archiveAfter = "policies.archive_cost_months"

// archivedAtOnce is how many datasets are archived in one transaction.
const archivedAtOnce = 200

// Archive deletes the lines of the usage that has become as old as the policy of
// the organization says that has imported it, once the month is closed on every
// edge, as the platform. Sums by day, statements and what was metered are kept, so
// no money is lost; what is gone are single lines, and sums by tag. The current
// month and the one before are never archived: plans need that. Interrupted, it is
// gone on with the next time.
func (s *Service) Archive(ctx context.Context) error {
	ctx = access.WithViewer(ctx, access.SystemViewer("archive"))
	current := pricing.MonthOf(s.db.Now())
	var importers []uuid.UUID
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		importers, err = tx.Archivists(ctx, current-2)
		return err
	})
	if err != nil {
		return err
	}
	for _, importer := range importers {
		if err := s.archive(ctx, importer, current); err != nil {
			return err
		}
	}
	return s.unloadArchived(ctx)
}

// archive marks the datasets of an organization that are old enough.
func (s *Service) archive(ctx context.Context, importer uuid.UUID, current pricing.Month) error {
	org, err := s.records.Organization(ctx, importer)
	if err != nil {
		return err
	}
	value, err := s.records.Value(ctx, org, archiveAfter)
	if err != nil {
		return err
	}
	months, err := strconv.Atoi(value.String())
	if err != nil {
		return fmt.Errorf("read %s: %w", archiveAfter, err)
	}
	if months == 0 {
		return nil
	}
	for {
		marked := 0
		_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
			ids, err := tx.Archivable(ctx, importer, current-pricing.Month(months)-1, archivedAtOnce) //nolint:gosec // at most 12
			if err != nil {
				return err
			}
			marked = len(ids)
			if err := tx.UsageDataset.Update().Where(usagedataset.IDIn(ids...)).SetArchivedAt(tx.Now()).Exec(ctx); err != nil {
				return fmt.Errorf("archive datasets: %w", err)
			}
			return nil
		})
		if err != nil || marked < archivedAtOnce {
			return err
		}
	}
}

// unloadArchived deletes the lines of what is archived.
func (s *Service) unloadArchived(ctx context.Context) error {
	var ids []int64
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		ids, err = tx.Unloadable(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.db.UnloadLines(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
