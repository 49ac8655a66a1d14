package platform

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/announcement"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/typeid"
)

// Bounds of an announcement, in characters and in bytes.
const (
	maxTitle = 200
	maxBody  = 10000
)

// Severity says how much an announcement matters.
type Severity string

// The severities. CRITICAL ones are read without a token.
const (
	Info     Severity = "INFO"
	Warning  Severity = "WARNING"
	Critical Severity = "CRITICAL"
)

// Announcement is what the platform tells everybody for a time.
type Announcement struct {
	ID       typeid.ID
	Title    string
	Body     string
	Severity Severity
	StartsAt time.Time
	// EndsAt is nil for one that stands until it is deleted.
	EndsAt    *time.Time
	InForce   bool
	CreatedAt time.Time
	Version   int
}

// Identity returns the id.
func (a *Announcement) Identity() typeid.ID { return a.ID }

// AnnouncementConnection is a page of announcements.
type AnnouncementConnection struct {
	Edges    []AnnouncementEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many announcements there are on all pages.
func (c *AnnouncementConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// AnnouncementEdge is an announcement in a page.
type AnnouncementEdge struct {
	Cursor string
	Node   *Announcement
}

// inForce returns the predicate of announcements that are told at a time.
func inForce(now time.Time) predicate.Announcement {
	return announcement.And(
		announcement.StartsAtLTE(now),
		announcement.Or(announcement.EndsAtIsNil(), announcement.EndsAtGT(now)),
	)
}

// announcementAt returns an announcement as it is shown at a time.
func announcementAt(row *ent.Announcement, now time.Time) *Announcement {
	shown := &Announcement{
		ID: typeid.New(typeid.Announcement, row.ID), Title: row.Title, Body: row.Body, Severity: Severity(row.Severity),
		StartsAt: row.StartsAt.UTC(), CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
		InForce: !row.StartsAt.After(now) && (row.EndsAt == nil || row.EndsAt.After(now)),
	}
	if row.EndsAt != nil {
		end := row.EndsAt.UTC()
		shown.EndsAt = &end
	}
	return shown
}

// Announcement returns an announcement that is in force, or with platform:read
// any; NOT_FOUND for others.
func (s *Service) Announcement(ctx context.Context, id uuid.UUID) (*Announcement, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	now := s.db.Now()
	where := []predicate.Announcement{announcement.ID(id)}
	if _, err := s.records.CheckPlatform(ctx, access.PlatformRead); err != nil {
		where = append(where, inForce(now))
	}
	// It belongs to the root, which few can see, and is told to everybody.
	row, err := s.db.Client().Announcement.Query().Where(where...).Only(database.Unguarded(ctx))
	if ent.IsNotFound(err) {
		return nil, fault.Missing("announcement")
	}
	if err != nil {
		return nil, fmt.Errorf("get announcement: %w", err)
	}
	return announcementAt(row, now), nil
}

// Announcements returns a page of the announcements that are in force, the
// newest first, or of all with platform:read; FORBIDDEN for others who ask for
// all, UNAUTHENTICATED for nobody.
func (s *Service) Announcements(ctx context.Context, args page.Args, all bool) (*AnnouncementConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	now := s.db.Now()
	where := inForce(now)
	if all {
		if _, err := s.records.CheckPlatform(ctx, access.PlatformRead); err != nil {
			return nil, err
		}
		where = announcement.And()
	}
	order := database.Order{Descending: true}
	modify, err := order.Page(window, "")
	if err != nil {
		return nil, err
	}
	// They belong to the root, which few can see, and are told to everybody.
	unguarded := database.Unguarded(ctx)
	query := s.db.Client().Announcement.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(unguarded)
	if err != nil {
		return nil, fmt.Errorf("list announcements: %w", err)
	}
	rows, more := page.Cut(window, rows)
	edges, info := page.Connect(window, rows, more,
		func(row *ent.Announcement) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.Announcement) AnnouncementEdge {
			return AnnouncementEdge{Cursor: cursor, Node: announcementAt(row, now)}
		})
	return &AnnouncementConnection{Edges: edges, PageInfo: info, count: func(context.Context) (int, error) {
		n, err := s.db.Client().Announcement.Query().Where(where).Count(unguarded)
		if err != nil {
			return 0, fmt.Errorf("count announcements: %w", err)
		}
		return n, nil
	}}, nil
}

// maxCritical is how many announcements a login page shows.
const maxCritical = 20

// Critical returns the newest announcements in force that matter to whoever
// cannot sign in, to anybody.
func (s *Service) Critical(ctx context.Context) ([]*Announcement, error) {
	now := s.db.Now()
	rows, err := s.db.Client().Announcement.Query().
		Where(announcement.SeverityEQ(announcement.SeverityCRITICAL), inForce(now)).
		Order(ent.Desc(announcement.FieldID)).
		Limit(maxCritical).
		// Nobody has signed in here.
		All(access.WithViewer(ctx, access.SystemViewer("login page")))
	if err != nil {
		return nil, fmt.Errorf("list critical announcements: %w", err)
	}
	shown := make([]*Announcement, len(rows))
	for i, row := range rows {
		shown[i] = announcementAt(row, now)
	}
	return shown, nil
}

// NewAnnouncement is what createAnnouncement is asked for.
type NewAnnouncement struct {
	Title    string
	Body     string
	Severity Severity
	// StartsAt is nil for at once, EndsAt for until it is deleted.
	StartsAt, EndsAt *time.Time
}

// Announce makes an announcement, which needs platform:write. INVALID for a
// title of none or more than 200 characters, a body of more than 10000 bytes,
// and an end that is not after the start.
func (s *Service) Announce(ctx context.Context, n NewAnnouncement) (*Announcement, error) {
	root, err := s.records.CheckPlatform(ctx, access.PlatformWrite)
	if err != nil {
		return nil, err
	}
	n.Title = strings.TrimSpace(n.Title)
	start := s.db.Now()
	if n.StartsAt != nil {
		start = n.StartsAt.UTC()
	}
	if err := checkAnnouncement(n.Title, n.Body, start, n.EndsAt); err != nil {
		return nil, err
	}
	var row *ent.Announcement
	_, err = s.db.Write(ctx, database.Entry{Action: "createAnnouncement", Organization: root.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err = tx.Announcement.Create().
			SetID(tx.NewID()).SetOrganizationID(root.ID).SetTitle(n.Title).SetBody(n.Body).
			SetSeverity(announcement.Severity(n.Severity)).SetStartsAt(start).SetNillableEndsAt(n.EndsAt).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create announcement: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Announcement, ID: row.ID, Organization: root.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return announcementAt(row, s.db.Now()), nil
}

func checkAnnouncement(title, body string, start time.Time, end *time.Time) error {
	switch length := utf8.RuneCountInString(title); {
	case length == 0 || length > maxTitle:
		return fault.Invalidf("title", "a title has 1 to %d characters", maxTitle)
	case len(body) > maxBody:
		return fault.Invalidf("body", "a text has at most %d bytes", maxBody)
	case end != nil && !end.After(start):
		return fault.Invalidf("endsAt", "an announcement ends after it begins")
	}
	return nil
}

// AnnouncementUpdate is what updateAnnouncement is asked for; nil leaves a field
// as it is.
type AnnouncementUpdate struct {
	ID              uuid.UUID
	Title           *string
	Body            *string
	Severity        *Severity
	StartsAt        *time.Time
	EndsAt          *time.Time
	ExpectedVersion *int
}

// Update changes an announcement, which needs platform:write. Errors are those
// of Announce.
func (s *Service) Update(ctx context.Context, u AnnouncementUpdate) (*Announcement, error) {
	root, err := s.records.CheckPlatform(ctx, access.PlatformWrite)
	if err != nil {
		return nil, err
	}
	var after *ent.Announcement
	_, err = s.db.Write(ctx, database.Entry{Action: "updateAnnouncement", Organization: root.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAnnouncement(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		after, err = u.apply(ctx, row)
		if err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Announcement, ID: row.ID, Organization: root.ID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return announcementAt(after, s.db.Now()), nil
}

// apply changes the row of an announcement.
func (u AnnouncementUpdate) apply(ctx context.Context, row *ent.Announcement) (*ent.Announcement, error) {
	title, body, start, end := row.Title, row.Body, row.StartsAt, row.EndsAt
	if u.Title != nil {
		title = strings.TrimSpace(*u.Title)
	}
	if u.Body != nil {
		body = *u.Body
	}
	if u.StartsAt != nil {
		start = u.StartsAt.UTC()
	}
	if u.EndsAt != nil {
		end = u.EndsAt
	}
	if err := checkAnnouncement(title, body, start, end); err != nil {
		return nil, err
	}
	set := row.Update().SetTitle(title).SetBody(body).SetStartsAt(start).SetNillableEndsAt(end).SetVersion(row.Version + 1)
	if u.Severity != nil {
		set.SetSeverity(announcement.Severity(*u.Severity))
	}
	after, err := set.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("update announcement: %w", err)
	}
	return after, nil
}

// Delete removes an announcement, which needs platform:write.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	root, err := s.records.CheckPlatform(ctx, access.PlatformWrite)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteAnnouncement", Organization: root.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAnnouncement(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.Announcement.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete announcement: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Announcement, ID: id, Organization: root.ID, Before: row})
		return nil
	})
	return err
}

func lockAnnouncement(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Announcement, error) {
	query := tx.Announcement.Query().Where(announcement.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("announcement")
	}
	if err != nil {
		return nil, fmt.Errorf("lock announcement: %w", err)
	}
	return row, nil
}
