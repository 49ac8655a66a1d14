package usage

import (
	"context"
	"fmt"
	"slices"
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
	// FirstMonth and LastMonth, inclusive, are the months of charges that it is
	// about; nil for no bound.
	FirstMonth, LastMonth *pricing.Month
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
	// FirstMonth and LastMonth are nil for no bound.
	FirstMonth, LastMonth *pricing.Month
	// Importer is the organization that imports the usage.
	Importer uuid.UUID
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

// subject is what a mapping is about. One of the same subject replaces it.
type subject struct {
	pattern pattern
	first   string
}

func (n NewMapping) subject() subject { return subject{n.pattern(), monthText(n.FirstMonth)} }

func subjectOf(row *ent.UsageMapping) subject { return subject{patternOf(row), row.FirstMonth} }

// monthText returns a month as it is stored, "" for none.
func monthText(m *pricing.Month) string {
	if m == nil {
		return ""
	}
	return m.String()
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
	return wrapMapping(ctx, row, owner, row.Edges.Group)
}

// MapUsage sets whose the usage of sub-accounts and tags is. A mapping of the same
// sub-account, tag and first month is replaced; of several first months the latest
// that has begun decides. What the importing organization has brought in
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
	seen := make(map[subject]bool, len(mappings))
	for i, m := range mappings {
		if err := m.pattern().check(i); err != nil {
			return err
		}
		if m.FirstMonth != nil && m.LastMonth != nil && *m.LastMonth < *m.FirstMonth {
			return fault.Invalidf(field(i, "lastMonth"), "the last month is before the first")
		}
		if seen[m.subject()] {
			return fault.Invalidf(field(i, "subAccountId"), "this sub-account and tag come twice")
		}
		seen[m.subject()] = true
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
	var changed []pricing.Month
	for i, m := range mappings {
		row, err := s.mapOne(ctx, tx, importer, m, present[m.subject()])
		if err != nil {
			return nil, err
		}
		if row != present[m.subject()] {
			changed = append(changed, value(m.FirstMonth))
		}
		var owningGroup *ent.Group
		if m.GroupID != nil {
			owningGroup = groups[*m.GroupID]
		}
		if mapped[i], err = wrapMapping(ctx, row, owners[m.OrganizationID], owningGroup); err != nil {
			return nil, err
		}
	}
	if len(changed) == 0 {
		return mapped, nil
	}
	return mapped, attributeAgain(ctx, tx, importer, slices.Min(changed))
}

// value returns the month, zero for none.
func value(m *pricing.Month) pricing.Month {
	if m == nil {
		return 0
	}
	return *m
}

// attributeAgain has the usage of an importer attributed again, of a month and
// later; zero is all. What is closed stays as it is. The caller has locked the
// usage.
func attributeAgain(ctx context.Context, tx *database.Tx, importer uuid.UUID, first pricing.Month) error {
	closed, err := tx.ClosedThrough(ctx, importer)
	if err != nil {
		return err
	}
	return tx.WantAttributed(ctx, importer, max(closed.Next(), first, earliest))
}

// earliest is before all months that there are.
const earliest pricing.Month = 12

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
func presentMappings(ctx context.Context, tx *database.Tx, importer uuid.UUID, mappings []NewMapping) (map[subject]*ent.UsageMapping, error) {
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
	present := make(map[subject]*ent.UsageMapping, len(rows))
	for _, row := range rows {
		present[subjectOf(row)] = row
	}
	return present, nil
}

// mapOne makes a mapping or replaces the one that is present, which may be nil.
func (s *Service) mapOne(ctx context.Context, tx *database.Tx, importer uuid.UUID, m NewMapping, present *ent.UsageMapping) (*ent.UsageMapping, error) {
	if present == nil {
		return s.createMapping(ctx, tx, importer, m)
	}
	if present.OrganizationID == m.OrganizationID && same(present.GroupID, m.GroupID) && text(present.LastMonth) == monthText(m.LastMonth) {
		return present, nil
	}
	update := present.Update().SetOrganizationID(m.OrganizationID).SetVersion(present.Version + 1)
	if m.GroupID != nil {
		update.SetGroupID(*m.GroupID)
	} else {
		update.ClearGroupID()
	}
	if m.LastMonth != nil {
		update.SetLastMonth(m.LastMonth.String())
	} else {
		update.ClearLastMonth()
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
	create := tx.UsageMapping.Create().
		SetID(s.db.NewID()).SetImporterID(importer).
		SetSubAccountID(p.subAccount).SetTagKey(p.key).SetTagValue(p.value).
		SetOrganizationID(m.OrganizationID).SetNillableGroupID(m.GroupID).
		SetFirstMonth(monthText(m.FirstMonth)).SetCreatedAt(s.db.Now())
	if m.LastMonth != nil {
		create.SetLastMonth(m.LastMonth.String())
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create mapping: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.UsageMapping, ID: row.ID, Organization: importer, After: row})
	return row, nil
}

func same(a, b *uuid.UUID) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func wrapMapping(ctx context.Context, row *ent.UsageMapping, owner records.Organization, owningGroup *ent.Group) (*Mapping, error) {
	m := &Mapping{
		ID:           typeid.New(typeid.UsageMapping, row.ID),
		SubAccountID: optional(row.SubAccountID),
		TagKey:       optional(row.TagKey),
		TagValue:     optional(row.TagValue),
		Organization: owner.Refer(ctx),
		Importer:     row.ImporterID,
	}
	if owningGroup != nil {
		m.Group = &records.GroupReference{ID: typeid.New(typeid.Group, owningGroup.ID), Name: owningGroup.Name}
	}
	var err error
	if m.FirstMonth, err = optionalMonth(row.FirstMonth); err != nil {
		return nil, err
	}
	m.LastMonth, err = optionalMonth(text(row.LastMonth))
	return m, err
}

// optionalMonth reads a stored month, "" for none.
func optionalMonth(stored string) (*pricing.Month, error) {
	if stored == "" {
		return nil, nil //nolint:nilnil // no bound
	}
	m, err := pricing.ParseMonth(stored)
	if err != nil {
		return nil, fmt.Errorf("read the month of a mapping: %w", err)
	}
	return &m, nil
}
