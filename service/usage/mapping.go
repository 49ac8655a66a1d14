package usage

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/usagemapping"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Bounds of what mapUsage takes. Texts are counted in bytes.
const (
	maxMappings   = 1000
	maxSubAccount = maxName
	maxTag        = 256
)

// NewMapping says whose the usage of a sub-account or of a tag is. A sub-account
// or a tag key is named, or both; nil and the empty text mean any.
type NewMapping struct {
	SubAccountID   *string
	TagKey         *string
	TagValue       *string
	OrganizationID uuid.UUID
	GroupID        *uuid.UUID
}

// Mapping says whose the usage of a sub-account or of a tag is.
type Mapping struct {
	ID typeid.ID
	// SubAccountID, TagKey and TagValue are nil for any.
	SubAccountID *string
	TagKey       *string
	TagValue     *string
	Organization *records.Reference
	Group        *records.GroupReference
}

// Identity returns the id.
func (m *Mapping) Identity() typeid.ID { return m.ID }

// pattern is what a mapping fits; "" is any.
type pattern struct {
	subAccount, key, value string
}

func (n NewMapping) pattern() pattern {
	return pattern{subAccount: text(n.SubAccountID), key: text(n.TagKey), value: text(n.TagValue)}
}

func patternOf(row *ent.UsageMapping) pattern {
	return pattern{subAccount: row.SubAccountID, key: row.TagKey, value: row.TagValue}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Mapping returns a mapping of an organization in which the viewer may map
// usage, or NOT_FOUND.
func (s *Service) Mapping(ctx context.Context, id uuid.UUID) (*Mapping, error) {
	row, err := s.db.Client().UsageMapping.Query().Where(usagemapping.ID(id)).WithGroup().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("mapping")
	}
	if err != nil {
		return nil, fmt.Errorf("get mapping: %w", err)
	}
	held, err := s.holds(ctx, access.UsageMap, row.ImporterID)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fault.Missing("mapping")
	}
	owner, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	return wrapMapping(ctx, row, owner, row.Edges.Group), nil
}

// MapUsage sets whose the usage of sub-accounts and tags is. A mapping of the same
// sub-account and tag is replaced. What the importing organization has brought in
// for months that are still open is attributed again in the background. Needs usage:map. INVALID for a mapping that fits nothing or comes
// twice, NOT_FOUND for an organization that is not at or below the importing one
// or a group of another organization, CONFLICT for a sub-account that another
// organization imports.
func (s *Service) MapUsage(ctx context.Context, importer uuid.UUID, mappings []NewMapping) ([]*Mapping, error) {
	if _, err := s.checkImporter(ctx, access.UsageMap, importer); err != nil {
		return nil, err
	}
	if err := checkMappings(mappings); err != nil {
		return nil, err
	}
	owners, err := s.ownersOf(ctx, importer, mappings)
	if err != nil {
		return nil, err
	}
	var mapped []*Mapping
	_, err = s.db.Write(ctx, database.Entry{Action: "mapUsage", Organization: importer}, func(ctx context.Context, tx *database.Tx) error {
		// Whether another organization has the sub-account, and which groups the
		// owner has, does not depend on what the viewer sees.
		ctx = database.Unguarded(ctx)
		var err error
		mapped, err = s.mapUsage(ctx, tx, importer, mappings, owners)
		return err
	})
	return mapped, err
}

func checkMappings(mappings []NewMapping) error {
	if len(mappings) > maxMappings {
		return fault.Invalidf("mappings", "at most %d mappings at a time", maxMappings)
	}
	seen := make(map[pattern]bool, len(mappings))
	for i, m := range mappings {
		p := m.pattern()
		if err := p.check(i); err != nil {
			return err
		}
		if seen[p] {
			return fault.Invalidf(field(i, "subAccountId"), "this sub-account and tag come twice")
		}
		seen[p] = true
	}
	return nil
}

// field returns the path of an input field of the ith mapping.
func field(i int, name string) string { return fmt.Sprintf("mappings.%d.%s", i, name) }

func (p pattern) check(i int) error {
	for _, f := range []struct {
		name, value string
		bound       int
	}{
		{"subAccountId", p.subAccount, maxSubAccount},
		{"tagKey", p.key, maxTag},
		{"tagValue", p.value, maxTag},
	} {
		if len(f.value) > f.bound {
			return fault.Invalidf(field(i, f.name), "this has at most %d bytes", f.bound)
		}
		if !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0) {
			return fault.Invalidf(field(i, f.name), "this is not text")
		}
	}
	if p.subAccount == "" && p.key == "" {
		return fault.Invalidf(field(i, "subAccountId"), "a mapping names a sub-account or a tag")
	}
	if p.value != "" && p.key == "" {
		return fault.Invalidf(field(i, "tagKey"), "the value of a tag needs its key")
	}
	return nil
}

// ownersOf returns the organizations that the mappings name, all of which are
// at or below the importing one.
func (s *Service) ownersOf(ctx context.Context, importer uuid.UUID, mappings []NewMapping) (map[uuid.UUID]records.Organization, error) {
	ids := make([]uuid.UUID, len(mappings))
	for i, m := range mappings {
		ids[i] = m.OrganizationID
	}
	owners, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		owner, ok := owners[id]
		if !ok || owner.Status == orgtree.Deleted || !owner.Path().Contains(orgtree.ID(importer)) {
			return nil, missing("organization", field(i, "organizationId"))
		}
	}
	return owners, nil
}

// missing is NOT_FOUND that names the input field.
func missing(noun, field string) error {
	e := fault.Missing(noun)
	e.Field = field
	return e
}

func (s *Service) mapUsage(ctx context.Context, tx *database.Tx, importer uuid.UUID, mappings []NewMapping, owners map[uuid.UUID]records.Organization) ([]*Mapping, error) {
	if err := tx.LockMappings(ctx); err != nil {
		return nil, err
	}
	if err := checkUnclaimed(ctx, tx, importer, mappings); err != nil {
		return nil, err
	}
	groups, err := groupsOf(ctx, tx, mappings)
	if err != nil {
		return nil, err
	}
	present, err := presentMappings(ctx, tx, importer, mappings)
	if err != nil {
		return nil, err
	}
	if err := tx.LockUsage(ctx, importer); err != nil {
		return nil, err
	}
	mapped := make([]*Mapping, len(mappings))
	changed := false
	for i, m := range mappings {
		row, err := s.mapOne(ctx, tx, importer, m, present[m.pattern()])
		if err != nil {
			return nil, err
		}
		changed = changed || row != present[m.pattern()]
		var owningGroup *ent.Group
		if m.GroupID != nil {
			owningGroup = groups[*m.GroupID]
		}
		mapped[i] = wrapMapping(ctx, row, owners[m.OrganizationID], owningGroup)
	}
	if !changed {
		return mapped, nil
	}
	return mapped, tx.WantAttributed(ctx, importer, firstOpenMonth)
}

// firstOpenMonth is before all months that there are: none is closed as long as
// there are no statements.
const firstOpenMonth pricing.Month = 12

// checkUnclaimed returns CONFLICT if another organization imports one of the
// sub-accounts. It does not say which.
func checkUnclaimed(ctx context.Context, tx *database.Tx, importer uuid.UUID, mappings []NewMapping) error {
	var named []string
	at := map[string]int{}
	for i, m := range mappings {
		if sub := text(m.SubAccountID); sub != "" {
			named = append(named, sub)
			at[sub] = i
		}
	}
	claimed, err := tx.UsageMapping.Query().
		Where(usagemapping.SubAccountIDIn(named...), usagemapping.ImporterIDNEQ(importer)).
		First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the sub-accounts: %w", err)
	}
	conflict := fault.New(fault.Conflict, "the sub-account is mapped elsewhere")
	conflict.Field = field(at[claimed.SubAccountID], "subAccountId")
	return conflict
}

// groupsOf returns the groups that the mappings name, each a group of the
// organization beside it.
func groupsOf(ctx context.Context, tx *database.Tx, mappings []NewMapping) (map[uuid.UUID]*ent.Group, error) {
	var ids []uuid.UUID
	for _, m := range mappings {
		if m.GroupID != nil {
			ids = append(ids, *m.GroupID)
		}
	}
	rows, err := tx.Group.Query().Where(group.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	groups := make(map[uuid.UUID]*ent.Group, len(rows))
	for _, row := range rows {
		groups[row.ID] = row
	}
	for i, m := range mappings {
		if m.GroupID == nil {
			continue
		}
		if row := groups[*m.GroupID]; row == nil || row.OrganizationID != m.OrganizationID {
			return nil, missing("group", field(i, "groupId"))
		}
	}
	return groups, nil
}

// presentMappings returns the importer's mappings that may be replaced.
func presentMappings(ctx context.Context, tx *database.Tx, importer uuid.UUID, mappings []NewMapping) (map[pattern]*ent.UsageMapping, error) {
	var subAccounts, keys []string
	for _, m := range mappings {
		subAccounts = append(subAccounts, text(m.SubAccountID))
		keys = append(keys, text(m.TagKey))
	}
	rows, err := tx.UsageMapping.Query().
		Where(usagemapping.ImporterID(importer), usagemapping.SubAccountIDIn(subAccounts...), usagemapping.TagKeyIn(keys...)).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load mappings: %w", err)
	}
	present := make(map[pattern]*ent.UsageMapping, len(rows))
	for _, row := range rows {
		present[patternOf(row)] = row
	}
	return present, nil
}

// mapOne makes a mapping or replaces the one that is present, which may be nil.
func (s *Service) mapOne(ctx context.Context, tx *database.Tx, importer uuid.UUID, m NewMapping, present *ent.UsageMapping) (*ent.UsageMapping, error) {
	if present == nil {
		return s.createMapping(ctx, tx, importer, m)
	}
	if present.OrganizationID == m.OrganizationID && sameID(present.GroupID, m.GroupID) {
		return present, nil
	}
	update := present.Update().SetOrganizationID(m.OrganizationID).SetVersion(present.Version + 1).ClearGroupID()
	if m.GroupID != nil {
		update.SetGroupID(*m.GroupID)
	}
	after, err := update.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("replace mapping: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.UsageMapping, ID: after.ID, Organization: importer, Before: present, After: after})
	return after, nil
}

func (s *Service) createMapping(ctx context.Context, tx *database.Tx, importer uuid.UUID, m NewMapping) (*ent.UsageMapping, error) {
	p := m.pattern()
	row, err := tx.UsageMapping.Create().
		SetID(s.db.NewID()).SetImporterID(importer).
		SetSubAccountID(p.subAccount).SetTagKey(p.key).SetTagValue(p.value).
		SetOrganizationID(m.OrganizationID).SetNillableGroupID(m.GroupID).
		SetCreatedAt(s.db.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create mapping: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.UsageMapping, ID: row.ID, Organization: importer, After: row})
	return row, nil
}

func sameID(a, b *uuid.UUID) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func wrapMapping(ctx context.Context, row *ent.UsageMapping, owner records.Organization, owningGroup *ent.Group) *Mapping {
	organization := records.Refer(ctx, owner.Line())
	m := &Mapping{
		ID:           typeid.New(typeid.UsageMapping, row.ID),
		SubAccountID: optional(row.SubAccountID),
		TagKey:       optional(row.TagKey),
		TagValue:     optional(row.TagValue),
		Organization: &organization,
	}
	if owningGroup != nil {
		m.Group = &records.GroupReference{ID: typeid.New(typeid.Group, owningGroup.ID), Name: owningGroup.Name}
	}
	return m
}
