package requests

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/notice"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notice.
const (
	RightsGranted   NoticeKind = "RIGHTS_GRANTED"
	AccessRequested NoticeKind = "ACCESS_REQUESTED"
	Impersonated    NoticeKind = "IMPERSONATED"
)

// Notice tells the owner what somebody of a managing tier did or asks.
type Notice struct {
	ID   typeid.ID
	Kind NoticeKind
	// Action is the mutation's name, Subject what it was about.
	Action  string
	Subject string
	Actor   Actor
	At      time.Time
}

// Identity returns the id.
func (n *Notice) Identity() typeid.ID { return n.ID }

// Actor is who did something, as the owner may see them.
type Actor struct {
	// ID is nil where the owner may not know who it is; Name is the tier then.
	ID           *typeid.ID
	Name         string
	Organization records.Reference
}

// NoticeConnection is a page of notices.
type NoticeConnection struct {
	Edges    []NoticeEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many notices there are on all pages.
func (c *NoticeConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// NoticeEdge is a notice in a page.
type NoticeEdge struct {
	Cursor string
	Node   *Notice
}

// Notice returns a notice of an organization that the viewer owns, or NOT_FOUND.
func (s *Service) Notice(ctx context.Context, id uuid.UUID) (*Notice, error) {
	row, err := s.db.Client().Notice.Query().
		Where(notice.ID(id), notice.OrganizationIDIn(owned(access.ViewerFrom(ctx))...)).
		Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("notice")
	}
	if err != nil {
		return nil, fmt.Errorf("get notice: %w", err)
	}
	shown, err := s.wrapNotices(ctx, []*ent.Notice{row})
	return shown[id], err
}

// NoticesOf returns a page of an organization's notices, the newest first: none
// for others than its owner.
func (s *Service) NoticesOf(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*NoticeConnection, error) {
	type key struct {
		notices bool
		window  page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{true, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*NoticeConnection, error) {
		return s.noticePages(ctx, ids, window)
	})
}

func (s *Service) noticePages(ctx context.Context, organizations []uuid.UUID, window page.Window) (map[uuid.UUID]*NoticeConnection, error) {
	modify, err := order().Page(window, notice.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	where := notice.And(notice.OrganizationIDIn(organizations...), notice.OrganizationIDIn(owned(access.ViewerFrom(ctx))...))
	query := s.db.Client().Notice.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	shown, err := s.wrapNotices(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(organizations, window, rows,
		func(row *ent.Notice) uuid.UUID { return row.OrganizationID },
		func(row *ent.Notice) string { return order().Cursor("", row.ID.String()) },
		func(cursor string, row *ent.Notice) NoticeEdge {
			return NoticeEdge{Cursor: cursor, Node: shown[row.ID]}
		},
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []struct {
				OrganizationID uuid.UUID `json:"organization_id"`
				Count          int       `json:"count"`
			}
			err := s.db.Client().Notice.Query().Where(where).GroupBy(notice.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			if err != nil {
				return nil, fmt.Errorf("count notices: %w", err)
			}
			counted := make(map[uuid.UUID]int, len(counts))
			for _, c := range counts {
				counted[c.OrganizationID] = c.Count
			}
			return batch.Counts(ids, counted), nil
		})
	connections := make(map[uuid.UUID]*NoticeConnection, len(parts))
	for id, part := range parts {
		connections[id] = &NoticeConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// wrapNotices shows notices with who they are about, by id.
func (s *Service) wrapNotices(ctx context.Context, rows []*ent.Notice) (map[uuid.UUID]*Notice, error) {
	actors, tiers := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		actors[i], tiers[i] = row.ActorID, row.ActorOrganizationID
	}
	organizations, err := s.records.Organizations(ctx, tiers)
	if err != nil {
		return nil, err
	}
	known, err := s.knownActors(ctx, actors)
	if err != nil {
		return nil, err
	}
	shown := make(map[uuid.UUID]*Notice, len(rows))
	for _, row := range rows {
		tier := records.Refer(ctx, organizations[row.ActorOrganizationID].Line())
		actor, ok := known[row.ActorID]
		if !ok {
			actor.Name = tier.Name
		}
		actor.Organization = tier
		shown[row.ID] = &Notice{
			ID: typeid.New(typeid.Notice, row.ID), Kind: NoticeKind(row.Kind), Action: row.Action, Subject: row.Subject,
			Actor: actor, At: row.CreatedAt.UTC(),
		}
	}
	return shown, nil
}

// place is where an actor is found: they are known to whoever holds read there.
type place struct {
	actor        Actor
	organization uuid.UUID
	read         access.Permission
}

// knownActors returns the people and applications that the viewer may know.
func (s *Service) knownActors(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Actor, error) {
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // nobody is known
	}
	memberships, err := s.db.Client().Membership.Query().Where(membership.UserIDIn(ids...)).WithUser().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load actors: %w", err)
	}
	applications, err := s.db.Client().Application.Query().Where(application.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load actors: %w", err)
	}
	var places []place
	for _, row := range memberships {
		id := typeid.New(typeid.User, row.UserID)
		places = append(places, place{Actor{ID: &id, Name: row.Edges.User.Name}, row.OrganizationID, access.UsersRead})
	}
	for _, row := range applications {
		id := typeid.New(typeid.Application, row.ID)
		places = append(places, place{Actor{ID: &id, Name: row.Name}, row.OrganizationID, access.ApplicationsRead})
	}
	homes := make([]uuid.UUID, len(places))
	for i, p := range places {
		homes[i] = p.organization
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	known := map[uuid.UUID]Actor{}
	for _, p := range places {
		if access.Check(access.ViewerFrom(ctx), p.read, organizations[p.organization].Target()) == nil {
			known[p.actor.ID.UUID] = p.actor
		}
	}
	return known, nil
}
