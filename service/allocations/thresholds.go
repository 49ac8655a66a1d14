package allocations

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/threshold"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// Threshold is a part of the total of each allocation of an organization's making
// at which something happens.
type Threshold struct {
	ID           typeid.ID
	Organization *records.Reference
	Name         string
	// Percent or Amount is nil.
	Percent, Amount *money.Decimal
	Basis           spending.Basis
	Severity        spending.Severity
	LabelColor      string
	Description     string
	// Emails are empty for viewers without allocations:write.
	Emails    []string
	Version   int
	CreatedAt time.Time

	OrganizationID uuid.UUID
}

// Identity returns the id.
func (t *Threshold) Identity() typeid.ID { return t.ID }

// The bounds of a threshold: its name and description in characters, and how many
// addresses are told.
const (
	maxDescription = 500
	maxEmails      = 10
	maxThresholds  = 50
)

// NewThreshold is what createThreshold is asked for.
type NewThreshold struct {
	Organization    uuid.UUID
	Name            string
	Percent, Amount *money.Decimal
	Basis           spending.Basis
	Severity        spending.Severity
	LabelColor      string
	Description     string
	Emails          []string
}

var (
	thresholdName = regexp.MustCompile(`^[a-z]{1,64}$`)
	color         = regexp.MustCompile(`^(#[0-9a-f]{6})?$`)
)

// check returns INVALID for what no threshold can be.
func (n NewThreshold) check() error {
	switch {
	case !thresholdName.MatchString(n.Name):
		return fault.Invalidf("name", "the name of a threshold is one word of 1 to 64 lower-case letters")
	case !color.MatchString(n.LabelColor):
		return fault.Invalidf("labelColor", "a colour is written as #1a2b3c")
	case utf8.RuneCountInString(n.Description) > maxDescription:
		return fault.Invalidf("description", "a description has at most %d characters", maxDescription)
	case len(n.Emails) > maxEmails:
		return fault.Invalidf("emails", "at most %d addresses are told", maxEmails)
	}
	for i, address := range n.Emails {
		if err := roster.CheckEmail(fmt.Sprintf("emails.%d", i), address); err != nil {
			return err
		}
	}
	return spending.Threshold{Percent: n.Percent, Amount: n.Amount, Basis: n.Basis, Severity: n.Severity}.Check()
}

// CreateThreshold adds a threshold to all allocations that an organization has set
// or sets later: its own, its groups' and those of its customers. What is beyond
// it by now fires at once. Needs allocations:write. INVALID for what no threshold
// can be, CONFLICT for a name that is taken, LIMIT_EXCEEDED beyond 50 thresholds.
func (s *Service) CreateThreshold(ctx context.Context, n NewThreshold) (*Threshold, error) {
	org, err := s.records.Check(ctx, access.AllocationsWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.Threshold
	_, err = s.db.Write(ctx, database.Entry{Action: "createThreshold", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := tx.Threshold.Query().Where(threshold.OrganizationID(org.ID)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count thresholds: %w", err)
		}
		if there >= maxThresholds {
			return fault.New(fault.LimitExceeded, "an organization has at most %d thresholds", maxThresholds)
		}
		row, err = tx.Threshold.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetName(n.Name).
			SetNillablePercent(text(n.Percent)).SetNillableAmount(text(n.Amount)).
			SetBasis(threshold.Basis(n.Basis)).SetSeverity(threshold.Severity(n.Severity)).
			SetLabelColor(n.LabelColor).SetDescription(n.Description).SetEmails(noNil(n.Emails)).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create threshold: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Threshold, ID: row.ID, Organization: org.ID, After: row})
		return tx.EnqueueCheck(ctx, org.ID, row.ID.String())
	})
	if err != nil {
		return nil, err
	}
	return s.wrapThreshold(ctx, org, row)
}

func text(d *money.Decimal) *string {
	if d == nil {
		return nil
	}
	written := d.String()
	return &written
}

func noNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// ThresholdUpdate is what updateThreshold is asked for; nil leaves a field as it
// is. A percent takes the place of an amount, and the other way round.
type ThresholdUpdate struct {
	ID              uuid.UUID
	Percent, Amount *money.Decimal
	Basis           *spending.Basis
	Severity        *spending.Severity
	LabelColor      *string
	Description     *string
	// Emails are nil for no change.
	Emails          []string
	ExpectedVersion *int
}

// apply returns the threshold as it will be.
func (u ThresholdUpdate) apply(row *ent.Threshold) (NewThreshold, error) {
	stored, err := records.NewThreshold(row)
	if err != nil {
		return NewThreshold{}, err
	}
	n := NewThreshold{
		Name: row.Name, Percent: stored.Percent, Amount: stored.Amount, Basis: stored.Basis, Severity: stored.Severity,
		LabelColor: row.LabelColor, Description: row.Description, Emails: row.Emails,
	}
	if u.Percent != nil || u.Amount != nil {
		n.Percent, n.Amount = u.Percent, u.Amount
	}
	if u.Basis != nil {
		n.Basis = *u.Basis
	}
	if u.Severity != nil {
		n.Severity = *u.Severity
	}
	if u.LabelColor != nil {
		n.LabelColor = *u.LabelColor
	}
	if u.Description != nil {
		n.Description = *u.Description
	}
	if u.Emails != nil {
		n.Emails = u.Emails
	}
	return n, n.check()
}

// UpdateThreshold changes a threshold. What is beyond it by now fires at once, if
// it has not fired in the period. Needs allocations:write; NOT_FOUND for one that
// the viewer does not see, INVALID for what no threshold can be, CONFLICT for
// another version than expected.
func (s *Service) UpdateThreshold(ctx context.Context, u ThresholdUpdate) (*Threshold, error) {
	org, err := s.thresholdHome(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var after *ent.Threshold
	_, err = s.db.Write(ctx, database.Entry{Action: "updateThreshold", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockThreshold(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(before.Version, u.ExpectedVersion); err != nil {
			return err
		}
		n, err := u.apply(before)
		if err != nil {
			return err
		}
		update := before.Update().SetBasis(threshold.Basis(n.Basis)).SetSeverity(threshold.Severity(n.Severity)).
			SetLabelColor(n.LabelColor).SetDescription(n.Description).SetEmails(noNil(n.Emails)).SetVersion(before.Version + 1)
		if n.Percent != nil {
			update.SetPercent(n.Percent.String()).ClearAmount()
		} else {
			update.SetAmount(n.Amount.String()).ClearPercent()
		}
		if after, err = update.Save(ctx); err != nil {
			return fmt.Errorf("update threshold: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Threshold, ID: after.ID, Organization: org.ID, Before: before, After: after})
		return tx.EnqueueCheck(ctx, org.ID, fmt.Sprintf("%s:%d", after.ID, after.Version))
	})
	if err != nil {
		return nil, err
	}
	return s.wrapThreshold(ctx, org, after)
}

// DeleteThreshold deletes a threshold. What it has shut down stays shut down.
// Needs allocations:write; NOT_FOUND for one that the viewer does not see.
func (s *Service) DeleteThreshold(ctx context.Context, id uuid.UUID) error {
	org, err := s.thresholdHome(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteThreshold", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockThreshold(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.Threshold.DeleteOne(before).Exec(ctx); err != nil {
			return fmt.Errorf("delete threshold: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Threshold, ID: id, Organization: org.ID, Before: before})
		return nil
	})
	return err
}

// thresholdHome returns the organization of a threshold that the viewer may
// change, or NOT_FOUND if they do not see it.
func (s *Service) thresholdHome(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	seen, err := s.Threshold(ctx, id)
	if err != nil {
		return records.Organization{}, err
	}
	return s.records.Check(ctx, access.AllocationsWrite, seen.OrganizationID)
}

func lockThreshold(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Threshold, error) {
	query := tx.Threshold.Query().Where(threshold.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("threshold")
	}
	if err != nil {
		return nil, fmt.Errorf("lock threshold: %w", err)
	}
	return row, nil
}

// Threshold returns a threshold of an organization in which the viewer holds
// org:read, or NOT_FOUND.
func (s *Service) Threshold(ctx context.Context, id uuid.UUID) (*Threshold, error) {
	row, err := s.db.Client().Threshold.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("threshold")
	}
	if err != nil {
		return nil, fmt.Errorf("get threshold: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !seesThresholds(ctx, org) {
		return nil, fault.Missing("threshold")
	}
	return s.wrapThreshold(ctx, org, row)
}

// seesThresholds reports whether the viewer may see which thresholds an
// organization has set. They tell nothing about money.
func seesThresholds(ctx context.Context, org records.Organization) bool {
	return access.Check(access.ViewerFrom(ctx), access.OrgRead, org.Target()) == nil
}

func (s *Service) wrapThreshold(ctx context.Context, org records.Organization, row *ent.Threshold) (*Threshold, error) {
	stored, err := records.NewThreshold(row)
	if err != nil {
		return nil, err
	}
	t := &Threshold{
		ID: typeid.New(typeid.Threshold, row.ID), Organization: org.Refer(ctx), OrganizationID: org.ID, Name: row.Name,
		Percent: stored.Percent, Amount: stored.Amount, Basis: stored.Basis, Severity: stored.Severity,
		LabelColor: row.LabelColor, Description: row.Description, Emails: []string{}, Version: row.Version, CreatedAt: row.CreatedAt.UTC(),
	}
	if access.Check(access.ViewerFrom(ctx), access.AllocationsWrite, org.Target()) == nil {
		t.Emails = row.Emails
	}
	return t, nil
}
