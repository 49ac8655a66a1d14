package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Issuer is a trusted issuer as the API shows it.
type Issuer struct {
	ID       typeid.ID
	Name     string
	Issuer   string
	Audience string
	// JWKSURL is nil where the keys are discovered.
	JWKSURL   *string
	Enabled   bool
	CreatedAt time.Time
	Version   int
	// OrganizationID is whose it is, Organizations the set of them, and Siblings
	// the issuers, that were loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	Siblings       *batch.Siblings
}

// Identity returns the id.
func (i *Issuer) Identity() typeid.ID { return i.ID }

// Subject is whom tokens with a subject stand for, as the API shows it.
type Subject struct {
	ID      typeid.ID
	Subject string
	// PrincipalID is the person or application; Principals are those of its kind
	// that were loaded together.
	PrincipalID typeid.ID
	Principals  *batch.Siblings
	CreatedAt   time.Time

	issuer uuid.UUID
}

// Identity returns the id.
func (s *Subject) Identity() typeid.ID { return s.ID }

// IssuerConnection is a page of trusted issuers.
type IssuerConnection struct {
	Edges    []IssuerEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many issuers there are on all pages.
func (c *IssuerConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// IssuerEdge is a trusted issuer in a page.
type IssuerEdge struct {
	Cursor string
	Node   *Issuer
}

// SubjectConnection is a page of trusted subjects.
type SubjectConnection struct {
	Edges    []SubjectEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many subjects there are on all pages.
func (c *SubjectConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// SubjectEdge is a trusted subject in a page.
type SubjectEdge struct {
	Cursor string
	Node   *Subject
}

func wrapIssuers(rows []*ent.TrustedIssuer) []*Issuer {
	homes, ids := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i], ids[i] = row.OrganizationID, row.ID
	}
	organizations, siblings := batch.Of(homes...), batch.Of(ids...)
	list := make([]*Issuer, len(rows))
	for i, row := range rows {
		list[i] = &Issuer{
			ID: typeid.New(typeid.TrustedIssuer, row.ID), Name: row.Name, Issuer: row.Issuer, Audience: row.Audience, Enabled: row.Enabled,
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, OrganizationID: row.OrganizationID, Organizations: organizations, Siblings: siblings,
		}
		if row.JwksURL != "" {
			list[i].JWKSURL = &row.JwksURL
		}
	}
	return list
}

// withPrincipal loads what a Subject is made of.
func withPrincipal(query *ent.TrustedSubjectQuery) *ent.TrustedSubjectQuery {
	return query.WithMembership()
}

// principalOf returns whom a subject stands for. The row was read withPrincipal.
func principalOf(row *ent.TrustedSubject) typeid.ID {
	if row.ApplicationID != nil {
		return typeid.New(typeid.Application, *row.ApplicationID)
	}
	if row.Edges.Membership != nil {
		return typeid.New(typeid.User, row.Edges.Membership.UserID)
	}
	return typeid.ID{}
}

func wrapSubjects(rows []*ent.TrustedSubject) []*Subject {
	principals := map[typeid.Kind][]uuid.UUID{}
	list := make([]*Subject, 0, len(rows))
	for _, row := range rows {
		principal := principalOf(row)
		if principal.IsZero() {
			continue // The member has just left.
		}
		principals[principal.Kind] = append(principals[principal.Kind], principal.UUID)
		list = append(list, &Subject{
			ID: typeid.New(typeid.TrustedSubject, row.ID), Subject: row.Subject, PrincipalID: principal, CreatedAt: row.CreatedAt.UTC(), issuer: row.IssuerID,
		})
	}
	siblings := map[typeid.Kind]*batch.Siblings{}
	for kind, ids := range principals {
		siblings[kind] = batch.Of(ids...)
	}
	for _, s := range list {
		s.Principals = siblings[s.PrincipalID.Kind]
	}
	return list
}

// Issuer returns a trusted issuer that the viewer may configure, or NOT_FOUND.
func (s *Service) Issuer(ctx context.Context, id uuid.UUID) (*Issuer, error) {
	row, _, err := s.findIssuer(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapIssuers([]*ent.TrustedIssuer{row})[0], nil
}

func (s *Service) findIssuer(ctx context.Context, id uuid.UUID) (*ent.TrustedIssuer, records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := s.db.Client().TrustedIssuer.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("trusted issuer")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get trusted issuer: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	return row, org, seen(viewer, org, "trusted issuer")
}

// Subject returns a trusted subject of an issuer that the viewer may configure,
// or NOT_FOUND.
func (s *Service) Subject(ctx context.Context, id uuid.UUID) (*Subject, error) {
	row, _, err := s.findSubject(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapSubjects([]*ent.TrustedSubject{row})[0], nil
}

func (s *Service) findSubject(ctx context.Context, id uuid.UUID) (*ent.TrustedSubject, records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := withPrincipal(s.db.Client().TrustedSubject.Query().Where(trustedsubject.ID(id))).Only(ctx)
	if ent.IsNotFound(err) || err == nil && principalOf(row).IsZero() {
		return nil, records.Organization{}, fault.Missing("trusted subject")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get trusted subject: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	return row, org, seen(viewer, org, "trusted subject")
}

// IssuersOf returns a page of the trusted issuers of an organization, in the order
// in which they were made: none for viewers without identity:write.
func (s *Service) IssuersOf(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*IssuerConnection, error) {
	type key struct {
		issuers bool
		window  page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{true, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*IssuerConnection, error) {
		return s.issuerPages(ctx, ids, window)
	})
}

func (s *Service) issuerPages(ctx context.Context, organizations []uuid.UUID, window page.Window) (map[uuid.UUID]*IssuerConnection, error) {
	open, err := s.configurable(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, trustedissuer.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	where := trustedissuer.OrganizationIDIn(open...)
	query := s.db.Client().TrustedIssuer.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list trusted issuers: %w", err)
	}
	parts := batch.Parts(organizations, window, wrapIssuers(rows),
		func(i *Issuer) uuid.UUID { return i.OrganizationID },
		func(i *Issuer) string { return order.Cursor("", i.ID.UUID.String()) },
		func(cursor string, i *Issuer) IssuerEdge { return IssuerEdge{Cursor: cursor, Node: i} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []counted
			err := s.db.Client().TrustedIssuer.Query().Where(where).
				GroupBy(trustedissuer.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			if err != nil {
				return nil, fmt.Errorf("count trusted issuers: %w", err)
			}
			return countsOf(ids, counts), nil
		})
	connections := make(map[uuid.UUID]*IssuerConnection, len(parts))
	for id, part := range parts {
		connections[id] = &IssuerConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// SubjectsOf returns a page of the subjects of a trusted issuer that the viewer
// may configure, in the order in which they were added.
func (s *Service) SubjectsOf(ctx context.Context, i *Issuer, args page.Args) (*SubjectConnection, error) {
	type key struct {
		subjects bool
		window   page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, i.Siblings, key{true, window}, i.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*SubjectConnection, error) {
		return s.subjectPages(ctx, ids, window)
	})
}

func (s *Service) subjectPages(ctx context.Context, issuers []uuid.UUID, window page.Window) (map[uuid.UUID]*SubjectConnection, error) {
	var order database.Order
	modify, err := order.Page(window, trustedsubject.FieldIssuerID)
	if err != nil {
		return nil, err
	}
	where := trustedsubject.IssuerIDIn(issuers...)
	query := withPrincipal(s.db.Client().TrustedSubject.Query().Where(where))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list trusted subjects: %w", err)
	}
	parts := batch.Parts(issuers, window, wrapSubjects(rows),
		func(t *Subject) uuid.UUID { return t.issuer },
		func(t *Subject) string { return order.Cursor("", t.ID.UUID.String()) },
		func(cursor string, t *Subject) SubjectEdge { return SubjectEdge{Cursor: cursor, Node: t} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []counted
			err := s.db.Client().TrustedSubject.Query().Where(where).
				GroupBy(trustedsubject.FieldIssuerID).Aggregate(ent.Count()).Scan(ctx, &counts)
			if err != nil {
				return nil, fmt.Errorf("count trusted subjects: %w", err)
			}
			return countsOf(ids, counts), nil
		})
	connections := make(map[uuid.UUID]*SubjectConnection, len(parts))
	for id, part := range parts {
		connections[id] = &SubjectConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}
