package usage

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// activate makes a loaded import and its datasets ACTIVE and supersedes what it
// restates, under one entry of the journal. If the same content is ACTIVE by
// now it changes nothing and returns that import.
func (s *Service) activate(ctx context.Context, l *loading) (*ent.UsageImport, error) {
	var active *ent.UsageImport
	_, err := s.db.Write(ctx, database.Entry{Action: "importUsage", Organization: l.importer}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockUsage(ctx, l.importer); err != nil {
			return err
		}
		same, found, err := activeImport(ctx, tx.Client, l.importer, hex.EncodeToString(l.hash[:]))
		if err != nil {
			return err
		}
		if found {
			active = same
			return nil
		}
		if err := checkOpen(ctx, tx, l); err != nil {
			return err
		}
		if err := supersede(ctx, tx, l); err != nil {
			return err
		}
		if active, err = s.finishImport(ctx, tx, l); err != nil {
			return err
		}
		if err := noteUsage(ctx, tx, l); err != nil {
			return err
		}
		if err := tx.EnqueueCheck(ctx, l.importer, l.id.String()); err != nil {
			return err
		}
		return catchUp(ctx, tx, l)
	})
	if err != nil {
		return nil, err
	}
	return active, nil
}

// checkOpen returns an error if the import has usage of a month that the importing
// organization, or one below it, has closed: PERIOD_CLOSED unless it is to correct
// such months, else CONFLICT, since others were closed when it began.
func checkOpen(ctx context.Context, tx *database.Tx, l *loading) error {
	closed, err := tx.ClosedThrough(ctx, l.importer)
	if err != nil {
		return err
	}
	if closed != l.closed && len(l.restated()) > 0 {
		return fault.New(fault.Conflict, "other months are closed by now than when the import began: import the file again")
	}
	for s := range l.datasets {
		if s.month > closed || s.month <= l.closed {
			continue
		}
		if l.options.CorrectClosedMonths {
			return fault.New(fault.Conflict, "%s was closed while the file came in: import it again", s.month).With("month", s.month.String())
		}
		return fault.New(fault.PeriodClosed, "%s is closed: usage of it is corrected by rows that are billed in a later month, "+
			"or by an import with correctClosedMonths", s.month).With("month", s.month.String())
	}
	return nil
}

// noteUsage notes that usage of cloud accounts has come in. That is no change of
// them.
func noteUsage(ctx context.Context, tx *database.Tx, l *loading) error {
	ctx = database.Unguarded(ctx)
	for some := range slices.Chunk(slices.Collect(maps.Keys(l.subAccounts)), pathsAtOnce) {
		err := tx.CloudAccount.Update().
			Where(cloudaccount.ImporterID(l.importer), cloudaccount.ProviderAccountIDIn(some...)).
			SetLastUsageAt(tx.Now()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note usage of cloud accounts: %w", err)
		}
	}
	return nil
}

// catchUp has the import rated again if mappings or prices have changed since it
// began.
func catchUp(ctx context.Context, tx *database.Tx, l *loading) error {
	for some := range slices.Chunk(l.plan.organizations, pathsAtOnce) {
		changed, err := tx.PricesChangedSince(ctx, l.plan.revision, some)
		if err != nil {
			return err
		}
		if changed {
			return tx.WantRated(ctx, l.id)
		}
	}
	return nil
}

// supersede ends what open months have of the import's sources, and all imports
// that have stated these.
func supersede(ctx context.Context, tx *database.Tx, l *loading) error {
	stated, err := statedDatasets(ctx, tx, l)
	if err != nil || len(stated) == 0 {
		return err
	}
	if err := checkKept(l, stated); err != nil {
		return err
	}
	var ids []int64
	var imports []uuid.UUID
	for _, d := range stated {
		if !l.isClosed(d) {
			ids = append(ids, d.ID)
		}
		if !slices.Contains(imports, d.ImportID) {
			imports = append(imports, d.ImportID)
		}
	}
	err = tx.UsageDataset.Update().Where(usagedataset.IDIn(ids...)).SetStatus(usagedataset.StatusSUPERSEDED).Exec(ctx)
	if err != nil {
		return fmt.Errorf("supersede datasets: %w", err)
	}
	return supersedeImports(ctx, tx, imports)
}

// statedDatasets returns the ACTIVE datasets of the sources that the import states:
// of their months, and those that correct these, in the order of their ids.
func statedDatasets(ctx context.Context, tx *database.Tx, l *loading) ([]*ent.UsageDataset, error) {
	months := map[string]bool{}
	for s := range l.datasets {
		months[s.month.String()] = true
	}
	inMonths := slices.Collect(maps.Keys(months))
	active, err := tx.UsageDataset.Query().
		Where(usagedataset.OrganizationID(l.importer), usagedataset.Part(0), usagedataset.StatusEQ(usagedataset.StatusACTIVE),
			usagedataset.Or(usagedataset.MonthIn(inMonths...), usagedataset.CorrectsIn(inMonths...))).
		Order(ent.Asc(usagedataset.FieldID)).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load active datasets: %w", err)
	}
	states := map[[3]string]bool{}
	for s := range l.datasets {
		states[[3]string{s.provider, s.billingAccount, s.month.String()}] = true
	}
	return slices.DeleteFunc(active, func(d *ent.UsageDataset) bool {
		return !states[[3]string{d.Provider, d.BillingAccountID, statedMonth(d)}]
	}), nil
}

// statedMonth returns the month whose usage a dataset states.
func statedMonth(d *ent.UsageDataset) string { return cmp.Or(d.Corrects, d.Month) }

// supersedeImports ends the imports that are still ACTIVE.
func supersedeImports(ctx context.Context, tx *database.Tx, ids []uuid.UUID) error {
	rows, err := tx.UsageImport.Query().
		Where(usageimport.IDIn(ids...), usageimport.StatusEQ(usageimport.StatusACTIVE)).
		Order(ent.Asc(usageimport.FieldID)).
		All(ctx)
	if err != nil {
		return fmt.Errorf("load superseded imports: %w", err)
	}
	for _, before := range rows {
		after, err := before.Update().SetStatus(usageimport.StatusSUPERSEDED).Save(ctx)
		if err != nil {
			return fmt.Errorf("supersede import: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.UsageImport, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after})
	}
	return nil
}

// finishImport makes the import and its datasets ACTIVE and writes down what
// was read. CONFLICT if a sweep took the import for dead.
func (s *Service) finishImport(ctx context.Context, tx *database.Tx, l *loading) (*ent.UsageImport, error) {
	rowErrors, err := document(l.rowErrors)
	if err != nil {
		return nil, err
	}
	costs, err := document(l.costs())
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	n, err := tx.UsageImport.Update().
		Where(usageimport.ID(l.id), usageimport.StatusEQ(usageimport.StatusLOADING)).
		SetStatus(usageimport.StatusACTIVE).
		SetContentHash(hex.EncodeToString(l.hash[:])).
		SetRowsRead(int64(l.read)).SetRowsStored(int64(l.stored)).SetRowsSkipped(int64(l.bad)).
		SetUnattributedRows(int64(l.unattributed)).SetErrorCount(int64(l.bad)).
		SetErrors(rowErrors).SetBilledCosts(costs).
		SetTouchedAt(now).SetFinishedAt(now).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("activate import: %w", err)
	}
	if n == 0 {
		return nil, fault.New(fault.Conflict, "the import stood still for too long and was cleared away")
	}
	err = tx.UsageDataset.Update().Where(usagedataset.ImportID(l.id)).SetStatus(usagedataset.StatusACTIVE).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("activate datasets: %w", err)
	}
	row, err := tx.UsageImport.Get(ctx, l.id)
	if err != nil {
		return nil, fmt.Errorf("get activated import: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.UsageImport, ID: row.ID, Organization: row.OrganizationID, After: row})
	return row, nil
}

// costs returns the sums of the import as they are stored.
func (l *loading) costs() []cost {
	var costs []cost
	for _, total := range l.totals.Amounts() {
		costs = append(costs, cost(total))
	}
	return costs
}

// abandonedAfter is how long an import may stand still before a sweep takes its
// process for dead. A batch takes a second or so, but a file may come slowly.
const abandonedAfter = 15 * time.Minute

// Sweep clears away what imports whose process died have left behind. Nothing
// of it ever counted. It runs when a process starts and every hour, as the
// system, and leaves the imports of other living processes alone. It also has
// what waits for another rating rated, should the job for that have failed.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = access.WithViewer(ctx, access.SystemViewer("sweep"))
	if err := s.fail(ctx, usageimport.TouchedAtLT(s.db.Now().Add(-abandonedAfter))); err != nil {
		return err
	}
	failed, err := s.db.Client().UsageImport.Query().Where(usageimport.StatusEQ(usageimport.StatusFAILED)).IDs(ctx)
	if err != nil {
		return fmt.Errorf("look for failed imports: %w", err)
	}
	for _, id := range failed {
		if err := s.db.UnloadUsage(ctx, id); err != nil {
			return err
		}
	}
	_, err = s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error { return tx.EnqueueRatings(ctx) })
	return err
}

// discard takes back what an import has loaded, even if its caller has gone.
func (s *Service) discard(ctx context.Context, id uuid.UUID) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.fail(ctx, usageimport.ID(id)); err != nil {
		return err
	}
	return s.db.UnloadUsage(ctx, id)
}

// fail ends LOADING imports, so that nobody loads into them or activates them
// while they are cleared away.
func (s *Service) fail(ctx context.Context, which predicate.UsageImport) error {
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		return tx.UsageImport.Update().
			Where(which, usageimport.StatusEQ(usageimport.StatusLOADING)).
			SetStatus(usageimport.StatusFAILED).
			Exec(ctx)
	})
	if err != nil {
		return fmt.Errorf("give up import: %w", err)
	}
	return nil
}
