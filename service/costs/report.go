package costs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Service reads costs.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// GroupBy is what a row of a report is.
type GroupBy string

// What a row can be. A customer is a direct customer with all below it, and the
// organization itself for what it used. Projects and users are those that the tags
// `Project` and `User` name.
const (
	ByOrganization GroupBy = "ORGANIZATION"
	ByCustomer     GroupBy = "CUSTOMER"
	ByGroup        GroupBy = "GROUP"
	ByProject      GroupBy = "PROJECT"
	ByUser         GroupBy = "USER"
	ByProvider     GroupBy = "PROVIDER"
	ByService      GroupBy = "SERVICE"
	BySKU          GroupBy = "SKU"
	ByRegion       GroupBy = "REGION"
	ByTag          GroupBy = "TAG"
)

// Interval is the length of the steps of a series, in UTC.
type Interval string

// The intervals.
const (
	Day   Interval = "DAY"
	Month Interval = "MONTH"
	None  Interval = "NONE"
)

// Perspective is at whose prices costs are seen.
type Perspective string

// The perspectives: what the organization pays, what it charges its direct
// customers, and the second less the first of what it sold on.
const (
	Buy    Perspective = "BUY"
	Sell   Perspective = "SELL"
	Margin Perspective = "MARGIN"
)

// Where says which usage. Conditions are joined by and, the values of a list by
// or; a nil list is no condition, an empty one is met by nothing.
type Where struct {
	Providers        []string
	Services         []string
	SKUs             []string
	Regions          []string
	ChargeCategories []pricing.ChargeCategory
	// OrganizationIDs stand for themselves and all below them.
	OrganizationIDs []uuid.UUID
	GroupIDs        []uuid.UUID
	// Tags are all met.
	Tags []Tag
}

// Tag is met by usage that has the tag Key: with one of the values, or with any
// for a nil list.
type Tag struct {
	Key    string
	Values []string
}

// Query asks for a report.
type Query struct {
	// From and To are UTC day bounds; To is exclusive.
	From, To time.Time
	// GroupBy is nil for one row of everything.
	GroupBy *GroupBy
	// TagKey is the tag of ByTag.
	TagKey      *string
	Interval    Interval
	Where       Where
	Perspective Perspective
}

// The bounds of a query.
const (
	maxDays       = 400
	maxConditions = 1000 // values of one list
	maxTags       = 10   // that usage has at once
	maxText       = 256  // bytes of one value
)

// currencySetting is the setting that says in what totals are.
const currencySetting = "billing.currency"

// Report returns the costs of the usage at and below an organization. It needs
// billing:read there. Its own people, and platform:read, see them at all of its
// prices; who comes in from an organization above sees them at what that one
// charges, and is FORBIDDEN the others. INVALID for arguments out of bounds,
// LIMIT_EXCEEDED for more values to group by than can be told apart.
func (s *Service) Report(ctx context.Context, organization uuid.UUID, q Query) (*Report, error) {
	if q.Perspective == "" {
		q.Perspective = Buy
	}
	org, err := s.records.Check(ctx, access.BillingRead, organization)
	if err != nil {
		return nil, err
	}
	if err := q.validate(); err != nil {
		return nil, err
	}
	scope := scopeOf(ctx, org)
	if scope.Customer != nil && q.Perspective != Buy {
		return nil, sellersOnly()
	}
	currency, err := s.records.Value(ctx, org, currencySetting)
	if err != nil {
		return nil, err
	}
	r := &Report{service: s, query: q.sums(scope), groupBy: q.GroupBy, at: s.db.Now()}
	r.Total.Currency = money.Currency(currency.String())
	r.hides = org.Kind.CanManage() && !reachesBelow(scope.Reach, org)
	if err := s.db.Read(ctx, r.load); err != nil {
		return nil, err
	}
	return r, nil
}

func sellersOnly() error {
	return fault.New(fault.Forbidden, "what an organization charges its customers is shown to its own people alone")
}

// reachesBelow reports whether what is below an organization is within reach.
func reachesBelow(reach access.Reach, org records.Organization) bool {
	reach.Organizations = nil
	return records.Sees(reach, org.Line())
}

// scopeOf returns whose prices the viewer sees of the usage of an organization.
func scopeOf(ctx context.Context, org records.Organization) database.CostScope {
	line, at := org.Line(), records.Standpoint(ctx, org)
	scope := database.CostScope{Tier: line[at].ID, Below: org.ID, Reach: access.ViewerFrom(ctx).Reach()}
	if at < len(line)-1 {
		scope.Customer = &line[at+1].ID
	}
	return scope
}

func (q Query) validate() error {
	if !isDay(q.From) {
		return fault.Invalidf("from", "from is the beginning of a day in UTC")
	}
	if !isDay(q.To) {
		return fault.Invalidf("to", "to is the beginning of a day in UTC")
	}
	if !q.From.Before(q.To) {
		return fault.Invalidf("to", "to is after from")
	}
	if q.To.Sub(q.From) > maxDays*24*time.Hour {
		return fault.Invalidf("to", "a report covers at most %d days", maxDays)
	}
	if !slices.Contains([]Interval{Day, Month, None}, q.Interval) {
		return fault.Invalidf("interval", "the interval is DAY, MONTH or NONE")
	}
	if !slices.Contains([]Perspective{Buy, Sell, Margin}, q.Perspective) {
		return fault.Invalidf("perspective", "the perspective is BUY, SELL or MARGIN")
	}
	if err := q.validateGroups(); err != nil {
		return err
	}
	return q.Where.validate()
}

func isDay(t time.Time) bool { return t.Equal(t.UTC().Truncate(24 * time.Hour)) }

func (q Query) validateGroups() error {
	if q.GroupBy == nil {
		return nil
	}
	if *q.GroupBy == ByTag && (q.TagKey == nil || *q.TagKey == "") {
		return fault.Invalidf("tagKey", "grouping by a tag needs its key")
	}
	if _, ok := keyOf(*q.GroupBy, ""); !ok {
		return fault.Invalidf("groupBy", "usage is not grouped by this")
	}
	if q.TagKey != nil {
		return validateText("tagKey", *q.TagKey)
	}
	return nil
}

func (w Where) validate() error {
	for _, list := range []struct {
		field  string
		values []string
	}{
		{"where.providers", w.Providers}, {"where.services", w.Services}, {"where.skus", w.SKUs}, {"where.regions", w.Regions},
	} {
		if err := validateCount(list.field, len(list.values)); err != nil {
			return err
		}
		for _, value := range list.values {
			if err := validateText(list.field, value); err != nil {
				return err
			}
		}
	}
	if err := validateCount("where.chargeCategories", len(w.ChargeCategories)); err != nil {
		return err
	}
	if err := validateCount("where.organizationIds", len(w.OrganizationIDs)); err != nil {
		return err
	}
	if err := validateCount("where.groupIds", len(w.GroupIDs)); err != nil {
		return err
	}
	return w.validateTags()
}

func (w Where) validateTags() error {
	if len(w.Tags) > maxTags {
		return fault.Invalidf("where.tags", "at most %d tags", maxTags)
	}
	for _, tag := range w.Tags {
		if tag.Key == "" {
			return fault.Invalidf("where.tags", "a tag has a key")
		}
		if err := validateCount("where.tags", len(tag.Values)); err != nil {
			return err
		}
		for _, text := range append([]string{tag.Key}, tag.Values...) {
			if err := validateText("where.tags", text); err != nil {
				return err
			}
		}
	}
	return nil
}

func validateCount(field string, n int) error {
	if n > maxConditions {
		return fault.Invalidf(field, "at most %d values", maxConditions)
	}
	return nil
}

func validateText(field, value string) error {
	if len(value) > maxText || strings.ContainsRune(value, 0) {
		return fault.Invalidf(field, "a value is a text of at most %d bytes", maxText)
	}
	return nil
}

// sums returns the query of the sums that the report is made of.
func (q Query) sums(scope database.CostScope) database.CostQuery {
	sums := database.CostQuery{
		Scope: scope, From: q.From.UTC(), To: q.To.UTC(), Price: database.CostPrice(q.Perspective), Step: stepOf(q.Interval),
		Filter: q.Where.filter(),
	}
	if q.GroupBy != nil {
		tag := ""
		if q.TagKey != nil {
			tag = *q.TagKey
		}
		sums.Key, _ = keyOf(*q.GroupBy, tag)
	}
	return sums
}

// filter returns the conditions as the database reads them.
func (w Where) filter() database.CostFilter {
	f := database.CostFilter{
		Providers: w.Providers, Services: w.Services, SKUs: w.SKUs, Regions: w.Regions,
		Organizations: w.OrganizationIDs, Groups: w.GroupIDs,
	}
	if w.ChargeCategories != nil {
		f.Categories = []string{}
	}
	for _, category := range w.ChargeCategories {
		f.Categories = append(f.Categories, string(category))
	}
	for _, tag := range w.Tags {
		f.Tags = append(f.Tags, database.CostTag(tag))
	}
	return f
}

func stepOf(i Interval) database.CostStep {
	switch i {
	case Day:
		return database.StepDay
	case Month:
		return database.StepMonth
	case None:
		return database.StepNone
	default:
		return database.StepNone
	}
}

// The tags that name projects and users.
const (
	projectTag = "Project"
	userTag    = "User"
)

func keyOf(g GroupBy, tag string) (key database.CostKey, ok bool) {
	switch g {
	case ByOrganization:
		return database.CostKey{Column: database.KeyOwner}, true
	case ByCustomer:
		return database.CostKey{Column: database.KeyCustomer}, true
	case ByGroup:
		return database.CostKey{Column: database.KeyGroup}, true
	case ByProject:
		return database.CostKey{Column: database.KeyTag, Tag: projectTag}, true
	case ByUser:
		return database.CostKey{Column: database.KeyTag, Tag: userTag}, true
	case ByProvider:
		return database.CostKey{Column: database.KeyProvider}, true
	case ByService:
		return database.CostKey{Column: database.KeyService}, true
	case BySKU:
		return database.CostKey{Column: database.KeySKU}, true
	case ByRegion:
		return database.CostKey{Column: database.KeyRegion}, true
	case ByTag:
		return database.CostKey{Column: database.KeyTag, Tag: tag}, true
	default:
		return database.CostKey{}, false
	}
}
