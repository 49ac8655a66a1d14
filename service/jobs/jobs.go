package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service runs jobs and shows them to those who administer the platform.
type Service struct {
	db      *database.DB
	records *records.Store
	kinds   map[string]kind
	counts  counts
}

// New returns a service that does nothing until it is told how, by Handle and
// Every.
func New(db *database.DB, store *records.Store) *Service {
	return &Service{db: db, records: store, kinds: map[string]kind{}}
}

// Job is a job as the API shows it: without what it works on.
type Job struct {
	ID       typeid.ID
	Kind     string
	Status   Status
	Attempts int
	// RunAt is when it is next due; while a process works on it, when another
	// takes over.
	RunAt      time.Time
	LastError  string
	CreatedAt  time.Time
	FinishedAt *time.Time

	organization  *uuid.UUID
	organizations *batch.Siblings
}

// Identity returns the id.
func (j *Job) Identity() typeid.ID { return j.ID }

// Connection is a page of jobs.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many jobs there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a job in a page.
type Edge struct {
	Cursor string
	Node   *Job
}

// Where says which jobs of a list; conditions are joined by and.
type Where struct {
	Status *Status
	Kind   *string
}

// order is that of jobs: the newest first.
func order() database.Order { return database.Order{Descending: true} }

// Get returns a job to whoever holds platform:read in the platform, else
// NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Job, error) {
	if err := s.checkSeen(ctx); err != nil {
		return nil, err
	}
	row, err := s.db.Client().Job.Get(asSystem(ctx), id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("job")
	}
	if err != nil {
		return nil, fmt.Errorf("get job: %w", err)
	}
	return wrap([]*ent.Job{row})[0], nil
}

// List returns a page of the jobs, the newest first: none for those without
// platform:read in the platform.
func (s *Service) List(ctx context.Context, args page.Args, where Where) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	modify, err := order().Page(window, "")
	if err != nil {
		return nil, err
	}
	conditions := where.predicates()
	switch err := s.checkSeen(ctx); fault.CodeOf(err) {
	case "":
	case fault.NotFound:
		conditions = append(conditions, job.IDIn())
	default:
		return nil, err
	}
	query := s.db.Client().Job.Query().Where(conditions...)
	query.Modify(modify)
	rows, err := query.All(asSystem(ctx))
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	rows, more := page.Cut(window, rows)
	c := &Connection{count: func(ctx context.Context) (int, error) {
		n, err := s.db.Client().Job.Query().Where(conditions...).Count(asSystem(ctx))
		if err != nil {
			return 0, fmt.Errorf("count jobs: %w", err)
		}
		return n, nil
	}}
	c.Edges, c.PageInfo = page.Connect(window, wrap(rows), more,
		func(j *Job) string { return order().Cursor("", j.ID.UUID.String()) },
		func(cursor string, j *Job) Edge { return Edge{Cursor: cursor, Node: j} })
	return c, nil
}

func (w Where) predicates() []predicate.Job {
	var list []predicate.Job
	if w.Status != nil {
		list = append(list, job.StatusEQ(job.Status(*w.Status)))
	}
	if w.Kind != nil {
		list = append(list, job.Kind(*w.Kind))
	}
	return list
}

// Organization returns the organization that a job is about as the viewer may
// see it, nil for none.
func (s *Service) Organization(ctx context.Context, j *Job) (*records.Reference, error) {
	if j.organization == nil {
		return nil, nil //nolint:nilnil // a job need not be about an organization
	}
	org, err := batch.Load(ctx, j.organizations, "record", *j.organization, s.records.Organizations)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // it is gone and the job is left
	}
	if err != nil {
		return nil, err
	}
	reference := records.Refer(ctx, org.Line())
	return &reference, nil
}

// Retry makes a job that has failed due again, as if it had never been tried. It
// takes platform:write in the platform: FORBIDDEN for those who only see it, else
// NOT_FOUND. CONFLICT for a job that has not failed, or while another that does
// the same waits.
func (s *Service) Retry(ctx context.Context, id uuid.UUID) (*Job, error) {
	if err := s.checkSeen(ctx); err != nil {
		return nil, err
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, id); err != nil {
		return nil, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.PlatformWrite, root.Target()); err != nil {
		return nil, err
	}
	var after *ent.Job
	_, err = s.db.Write(ctx, database.Entry{Action: "retryJob", Organization: root.ID}, func(ctx context.Context, tx *database.Tx) error {
		after, err = retry(asSystem(ctx), tx, root.ID, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wrap([]*ent.Job{after})[0], nil
}

// retry takes the step within a transaction.
func retry(ctx context.Context, tx *database.Tx, platform, id uuid.UUID) (*ent.Job, error) {
	query := tx.Job.Query().Where(job.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("job") // It was cleared away meanwhile.
	}
	if err != nil {
		return nil, fmt.Errorf("lock job: %w", err)
	}
	to, err := next(Status(row.Status), retrying)
	if err != nil {
		return nil, err
	}
	if err := checkAlone(ctx, tx, row); err != nil {
		return nil, err
	}
	after, err := row.Update().
		SetStatus(job.Status(to)).SetAttempts(0).SetRunAt(tx.Now()).ClearFinishedAt().
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("retry job: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Job, ID: id, Organization: platform, Before: row, After: after})
	return after, nil
}

// checkAlone returns CONFLICT while another job that does the same waits.
func checkAlone(ctx context.Context, tx *database.Tx, row *ent.Job) error {
	if row.UniqueKey == nil {
		return nil
	}
	waits, err := tx.Job.Query().
		Where(job.Kind(row.Kind), job.UniqueKey(*row.UniqueKey), job.StatusEQ(job.StatusPENDING)).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for the same job: %w", err)
	}
	if waits {
		return fault.New(fault.Conflict, "another job that does the same waits already")
	}
	return nil
}

// checkSeen returns nil if the viewer may see jobs, which belong to the platform
// and not to organizations; UNAUTHENTICATED for nobody, else NOT_FOUND.
func (s *Service) checkSeen(ctx context.Context) error {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return err
	}
	if access.Check(viewer, access.PlatformRead, root.Target()) != nil {
		return fault.Missing("job")
	}
	return nil
}

// asSystem returns a context in which jobs can be read at all: they are rows of
// the platform, and whoever calls has checked the viewer.
func asSystem(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("jobs"))
}

// wrap shows rows.
func wrap(rows []*ent.Job) []*Job {
	var about []uuid.UUID
	for _, row := range rows {
		if row.OrganizationID != nil {
			about = append(about, *row.OrganizationID)
		}
	}
	organizations := batch.Of(about...)
	shown := make([]*Job, len(rows))
	for i, row := range rows {
		shown[i] = &Job{
			ID: typeid.New(typeid.Job, row.ID), Kind: row.Kind, Status: Status(row.Status), Attempts: row.Attempts,
			RunAt: row.RunAt.UTC(), LastError: row.LastError, CreatedAt: row.CreatedAt.UTC(),
			organization: row.OrganizationID, organizations: organizations,
		}
		if row.FinishedAt != nil {
			at := row.FinishedAt.UTC()
			shown[i].FinishedAt = &at
		}
	}
	return shown
}
