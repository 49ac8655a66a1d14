package usage

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	batches "github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// AccountConnection is a page of cloud accounts.
type AccountConnection struct {
	Edges    []AccountEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many accounts there are on all pages.
func (c *AccountConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// AccountEdge is a cloud account in a page.
type AccountEdge struct {
	Cursor string
	Node   *CloudAccount
}

// CloudAccount returns a cloud account of an organization in which the viewer
// holds cloudaccounts:read, or NOT_FOUND.
func (s *Service) CloudAccount(ctx context.Context, id uuid.UUID) (*CloudAccount, error) {
	row, _, err := s.findAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrapAccount(ctx, row)
}

// CloudAccounts returns a page of an organization's cloud accounts, the oldest
// first: none for viewers without cloudaccounts:read. INVALID for arguments out of
// bounds.
func (s *Service) CloudAccounts(ctx context.Context, siblings *batches.Siblings, organization uuid.UUID, args page.Args) (*AccountConnection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batches.Load(ctx, siblings, key{"cloud accounts", window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*AccountConnection, error) {
		return s.accountPages(ctx, ids, window)
	})
}

func (s *Service) accountPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*AccountConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.CloudAccountsRead, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, cloudaccount.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().CloudAccount.Query().Where(cloudaccount.OrganizationIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list cloud accounts: %w", err)
	}
	accounts, err := s.wrapAccounts(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batches.Parts(ids, window, accounts,
		func(a *CloudAccount) uuid.UUID { return a.OrganizationID },
		func(a *CloudAccount) string { return order.Cursor("", a.ID.UUID.String()) },
		func(cursor string, a *CloudAccount) AccountEdge { return AccountEdge{Cursor: cursor, Node: a} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countAccounts(ctx, ids, readable)
		})
	pages := make(map[uuid.UUID]*AccountConnection, len(parts))
	for id, part := range parts {
		pages[id] = &AccountConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countAccounts(ctx context.Context, ids, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().CloudAccount.Query().Where(cloudaccount.OrganizationIDIn(readable...)).
		GroupBy(cloudaccount.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count cloud accounts: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batches.Counts(ids, counted), nil
}

func (s *Service) wrapAccount(ctx context.Context, row *ent.CloudAccount) (*CloudAccount, error) {
	wrapped, err := s.wrapAccounts(ctx, []*ent.CloudAccount{row})
	if err != nil {
		return nil, err
	}
	return wrapped[0], nil
}

// wrapAccounts returns accounts as the viewer may see them, with their
// organizations and groups in a statement each.
func (s *Service) wrapAccounts(ctx context.Context, rows []*ent.CloudAccount) ([]*CloudAccount, error) {
	var ids, groupIDs []uuid.UUID
	for _, row := range rows {
		ids = append(ids, row.OrganizationID)
		if row.ImporterID != nil {
			ids = append(ids, *row.ImporterID)
		}
		groupIDs = append(groupIDs, row.GroupIds...)
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	groups, err := s.db.Client().Group.Query().Where(group.IDIn(groupIDs...)).Order(ent.Asc(group.FieldName), ent.Asc(group.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	accounts := make([]*CloudAccount, len(rows))
	for i, row := range rows {
		accounts[i] = &CloudAccount{
			ID: typeid.New(typeid.CloudAccount, row.ID), Name: row.Name, Provider: row.Provider,
			ProviderAccountID: row.ProviderAccountID, Status: AccountStatus(row.Status),
			Organization: organizations[row.OrganizationID].Refer(ctx), Groups: sharedWith(row, groups),
			HasCredentials: row.Credentials != "", CredentialsChangedAt: database.InUTC(row.CredentialsAt), LastUsageAt: database.InUTC(row.LastUsageAt),
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, OrganizationID: row.OrganizationID,
		}
		if row.ImporterID != nil {
			accounts[i].Importer = organizations[*row.ImporterID].Refer(ctx)
		}
	}
	return accounts, nil
}

// sharedWith returns the groups that an account is shared with and that are still
// there.
func sharedWith(row *ent.CloudAccount, groups []*ent.Group) []*records.GroupReference {
	shared := []*records.GroupReference{}
	for _, g := range groups {
		if slices.Contains(row.GroupIds, g.ID) {
			shared = append(shared, &records.GroupReference{ID: typeid.New(typeid.Group, g.ID), Name: g.Name})
		}
	}
	return shared
}
