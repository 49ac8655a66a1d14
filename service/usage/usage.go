package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service maps and imports usage.
type Service struct {
	db      *database.DB
	records *records.Store
	// stretch is after how many lines a rating has reached something, or earlier
	// when the roll-ups are as many as may be kept.
	stretch int
	// batch is how many lines of a file one transaction loads at most.
	batch int
	// partLines is from how many lines on a part of what is metered is complete.
	partLines int
	// keys seal credentials; nil where none are kept.
	keys Sealer
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service {
	return &Service{db: db, records: store, stretch: stretchLines, batch: batchLines, partLines: partLines}
}

// Status is the state of an import.
type Status string

// The states. A refused import is FAILED only while what it loaded is cleared
// away.
const (
	Loading    Status = "LOADING"
	Active     Status = "ACTIVE"
	Superseded Status = "SUPERSEDED"
	Failed     Status = "FAILED"
)

// Import is a file of usage that an organization brought in.
type Import struct {
	ID       typeid.ID
	Status   Status
	RowsRead int
	// RowsStored is how many rows were stored, with the corrections of closed months,
	// whose rows are not.
	RowsStored       int
	RowsSkipped      int
	UnattributedRows int
	// BilledCosts are the source costs of all that was stored, per currency.
	BilledCosts []money.Amount
	ErrorCount  int
	// RowErrors are the first bad rows, at most 100.
	RowErrors []*RowError
	CreatedAt time.Time
}

// Identity returns the id.
func (i *Import) Identity() typeid.ID { return i.ID }

// RowError is a row of a file that could not be read.
type RowError struct {
	// Line is the line of the file, from 1.
	Line int `json:"line"`
	// Column is "" where the row as a whole is wrong.
	Column  string `json:"column"`
	Message string `json:"message"`
}

// Get returns an import that the viewer could have made, or NOT_FOUND. It tells
// the importing organization's own cost, so managers above do not see it unless
// they may import there.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Import, error) {
	row, err := s.db.Client().UsageImport.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("import")
	}
	if err != nil {
		return nil, fmt.Errorf("get import: %w", err)
	}
	held, err := s.holds(ctx, access.UsageImport, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fault.Missing("import")
	}
	return wrapImport(row)
}

// holds reports whether the viewer holds the permission in the organization,
// whatever the organization's status.
func (s *Service) holds(ctx context.Context, p access.Permission, organization uuid.UUID) (bool, error) {
	org, err := s.records.Organization(ctx, organization)
	if err != nil {
		return false, err
	}
	return slices.Contains(access.ViewerFrom(ctx).Allowed(org.Target()), p), nil
}

// checkImporter returns the organization if the viewer holds the permission in
// it and it is one that imports usage: a partner or the platform.
func (s *Service) checkImporter(ctx context.Context, p access.Permission, importer uuid.UUID) (records.Organization, error) {
	org, err := s.records.Check(ctx, p, importer)
	if err != nil {
		return records.Organization{}, err
	}
	if !org.Kind.CanManage() {
		return records.Organization{}, fault.Invalidf("organizationId", "only a partner or the platform imports usage")
	}
	return org, nil
}

func wrapImport(row *ent.UsageImport) (*Import, error) {
	i := &Import{
		ID:     typeid.New(typeid.UsageImport, row.ID),
		Status: Status(row.Status),

		RowsRead:         int(row.RowsRead),
		RowsStored:       int(row.RowsStored),
		RowsSkipped:      int(row.RowsSkipped),
		UnattributedRows: int(row.UnattributedRows),
		ErrorCount:       int(row.ErrorCount),

		CreatedAt: row.CreatedAt.UTC(),
	}
	if err := json.Unmarshal([]byte(row.Errors), &i.RowErrors); err != nil {
		return nil, fmt.Errorf("read the row errors of import %s: %w", row.ID, err)
	}
	var costs []cost
	if err := json.Unmarshal([]byte(row.BilledCosts), &costs); err != nil {
		return nil, fmt.Errorf("read the billed costs of import %s: %w", row.ID, err)
	}
	for _, c := range costs {
		i.BilledCosts = append(i.BilledCosts, money.Amount(c))
	}
	return i, nil
}

// cost is an amount as it is stored in a document.
type cost struct {
	Decimal  money.Decimal  `json:"amount"`
	Currency money.Currency `json:"currency"`
}

// document returns the JSON of a list, [] for none.
func document[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("write %T: %w", list, err)
	}
	return string(encoded), nil
}
