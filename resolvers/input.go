package resolvers

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/graph/model"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/checks"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/invitations"
	"github.com/headwater-platform/headwater/service/keys"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/people"
	"github.com/headwater-platform/headwater/service/policies"
	"github.com/headwater-platform/headwater/service/projects"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/resources"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/support"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// valueOf returns what a pointer points at, or the zero value.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// valueOr returns the value, or another for none. A client may send null where there
// is a default.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// optionalID returns the UUID of an id of the kind, nil for none, or INVALID.
func optionalID(field string, kind typeid.Kind, id *typeid.ID) (*uuid.UUID, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // an absent id is an answer
	}
	key, err := id.Expect(field, kind)
	if err != nil {
		return nil, err
	}
	return &key, nil
}

// given returns the elements of a list, none of which is null.
func given[T any](list []*T) []T {
	values := make([]T, len(list))
	for i, p := range list {
		values[i] = *p
	}
	return values
}

// idsOf returns the UUIDs of ids of the kind, or INVALID.
func idsOf(field string, kind typeid.Kind, ids []typeid.ID) ([]uuid.UUID, error) {
	keys := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		key, err := id.Expect(field, kind)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

func organizationWhere(where *model.OrganizationWhereInput) (organizations.Where, error) {
	if where == nil {
		return organizations.Where{}, nil
	}
	manager, err := optionalID("where.managedById", typeid.Organization, where.ManagedByID)
	return organizations.Where{
		NameContains: where.NameContains, Kind: where.Kind, Status: where.Status, LockedBy: where.LockedBy, ManagedBy: manager, MemberOf: where.MemberOf,
	}, err
}

func organizationOrder(order *model.OrganizationOrder) organizations.Order {
	if order == nil {
		return organizations.Order{}
	}
	return organizations.Order{
		ByName:     order.Field == model.OrganizationOrderFieldName,
		Descending: order.Direction == model.OrderDirectionDesc,
	}
}

func projectWhere(where *model.ProjectWhereInput) projects.Where {
	if where == nil {
		return projects.Where{}
	}
	return projects.Where{NameContains: valueOf(where.NameContains), Status: valueOf(where.Status)}
}

func projectOrder(order *model.ProjectOrder) projects.Order {
	if order == nil {
		return projects.Order{}
	}
	return projects.Order{
		ByName:     order.Field == model.ProjectOrderFieldName,
		Descending: order.Direction == model.OrderDirectionDesc,
	}
}

func resourceWhere(where *model.ResourceWhereInput) resources.Where {
	if where == nil {
		return resources.Where{}
	}
	return resources.Where{Status: valueOf(where.Status), Kind: valueOf(where.Kind)}
}

// settingTarget returns the directive that an input names.
func settingTarget(scope typeid.ID, key string, side *waterfall.Side, placedBy *typeid.ID, expectedVersion *int, reason *string) (settings.Target, error) {
	manager, err := optionalID("placedById", typeid.Organization, placedBy)
	return settings.Target{
		ScopeID: scope, Key: key, Side: valueOf(side), PlacedBy: manager, ExpectedVersion: expectedVersion, Reason: valueOf(reason),
	}, err
}

// unlessMissing returns nil for what is NOT_FOUND: a field that those who may not
// see its object read as null.
func unlessMissing[T any](thing *T, err error) (*T, error) {
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // what cannot be seen is an answer
	}
	return thing, err
}

func newAPIKey(input model.CreateAPIKeyInput) (keys.NewKey, error) {
	organization, err := input.OrganizationID.Expect("organizationId", typeid.Organization)
	if err != nil {
		return keys.NewKey{}, err
	}
	application, err := optionalID("applicationId", typeid.Application, input.ApplicationID)
	if err != nil {
		return keys.NewKey{}, err
	}
	project, err := optionalID("projectId", typeid.Project, input.ProjectID)
	if err != nil {
		return keys.NewKey{}, err
	}
	fallback, err := optionalID("defaultProjectId", typeid.Project, input.DefaultProjectID)
	return keys.NewKey{
		Organization: organization, Application: application, Project: project,
		Description: valueOf(input.Description), ExpiresAt: input.ExpiresAt, DefaultProject: fallback,
	}, err
}

// bearerOf returns the user or application that may bear a key, the zero ID for
// none, or INVALID.
func bearerOf(field string, id *typeid.ID) (typeid.ID, error) {
	if id == nil {
		return typeid.ID{}, nil
	}
	if id.Kind != typeid.User && id.Kind != typeid.Application {
		return typeid.ID{}, fault.Invalidf(field, "%s is neither a user nor an application", *id)
	}
	return *id, nil
}

func applicationWhere(where *model.ApplicationWhereInput) people.ApplicationWhere {
	if where == nil {
		return people.ApplicationWhere{}
	}
	return people.ApplicationWhere{
		NameContains: valueOf(where.NameContains),
		Managed:      where.Managed != nil && *where.Managed,
		NotManaged:   where.Managed != nil && !*where.Managed,
	}
}

func applicationOrder(order *model.ApplicationOrder) people.ApplicationOrder {
	if order == nil {
		return people.ApplicationOrder{}
	}
	return people.ApplicationOrder{
		ByName:     order.Field == model.ApplicationOrderFieldName,
		Descending: order.Direction == model.OrderDirectionDesc,
	}
}

func memberWhere(where *model.MembershipWhereInput) (people.MemberWhere, error) {
	if where == nil {
		return people.MemberWhere{}, nil
	}
	group, err := optionalID("where.groupId", typeid.Group, where.GroupID)
	return people.MemberWhere{
		Search: valueOf(where.Search), Status: where.Status, Group: group, Builtin: where.BuiltInRole,
		MFAEnabled: where.MfaEnabled, Tag: where.Tag, Owner: where.Owner,
	}, err
}

func memberOrder(order *model.MembershipOrder) people.MemberOrder {
	if order == nil {
		return people.MemberOrder{}
	}
	fields := map[model.MembershipOrderField]people.MemberField{
		model.MembershipOrderFieldUsername: people.ByUsername, model.MembershipOrderFieldName: people.ByName,
		model.MembershipOrderFieldEmail: people.ByEmail, model.MembershipOrderFieldLastLogin: people.ByLastLogin,
	}
	return people.MemberOrder{Field: fields[order.Field], Descending: order.Direction == model.OrderDirectionDesc}
}

func newMultiplier(input model.SetBillingMultiplierInput) (rates.NewMultiplier, error) {
	seller, err := input.SellerID.Expect("sellerId", typeid.Organization)
	if err != nil {
		return rates.NewMultiplier{}, err
	}
	buyer, err := optionalID("buyerId", typeid.Organization, input.BuyerID)
	if err != nil {
		return rates.NewMultiplier{}, err
	}
	rule := rates.NewMultiplier{
		Seller: seller, Buyer: buyer, Factor: input.Factor, Basis: input.Basis,
		FirstMonth: input.FirstMonth, LastMonth: input.LastMonth, Reason: valueOf(input.Reason),
		PlanDigest: valueOf(input.PlanDigest),
	}
	if s := input.Selector; s != nil {
		rule.Selector = rates.Selector{Provider: s.Provider, Service: s.Service, SKU: s.Sku, Region: s.Region, ChargeCategory: s.ChargeCategory}
	}
	return rule, nil
}

func newGuard(input model.SetPriceGuardInput) (rates.NewGuard, error) {
	manager, err := input.ManagerID.Expect("managerId", typeid.Organization)
	if err != nil {
		return rates.NewGuard{}, err
	}
	seller, err := optionalID("sellerId", typeid.Organization, input.SellerID)
	if err != nil {
		return rates.NewGuard{}, err
	}
	return rates.NewGuard{
		Manager: manager, Seller: seller, Basis: input.Basis, Min: input.Min, Max: input.Max,
		FirstMonth: input.FirstMonth, LastMonth: input.LastMonth, Reason: valueOf(input.Reason),
	}, nil
}

func newTaxRate(input model.CreateTaxRateInput) (terms.NewTaxRate, error) {
	seller, err := input.SellerID.Expect("sellerId", typeid.Organization)
	if err != nil {
		return terms.NewTaxRate{}, err
	}
	buyer, err := optionalID("buyerId", typeid.Organization, input.BuyerID)
	if err != nil {
		return terms.NewTaxRate{}, err
	}
	return terms.NewTaxRate{
		Seller: seller, Buyer: buyer, Name: input.Name, Percent: input.Percent, Country: valueOf(input.Country),
		ReverseCharge: valueOf(input.ReverseCharge), FirstMonth: input.FirstMonth, LastMonth: input.LastMonth,
	}, nil
}

func newDiscount(input model.CreateDiscountInput) (terms.NewDiscount, error) {
	seller, err := input.SellerID.Expect("sellerId", typeid.Organization)
	if err != nil {
		return terms.NewDiscount{}, err
	}
	buyer, err := optionalID("buyerId", typeid.Organization, input.BuyerID)
	if err != nil {
		return terms.NewDiscount{}, err
	}
	return terms.NewDiscount{
		Worth: terms.Worth{
			Description: input.Description, Percent: input.Percent, Value: input.Value, Currency: input.Currency, Filters: filters(input.Filters),
		},
		Seller: seller, Buyer: buyer, FirstMonth: input.FirstMonth, LastMonth: input.LastMonth, Reason: valueOf(input.Reason),
	}, nil
}

func newVoucher(input model.CreateVoucherInput) (terms.NewVoucher, error) {
	seller, err := input.SellerID.Expect("sellerId", typeid.Organization)
	if err != nil {
		return terms.NewVoucher{}, err
	}
	return terms.NewVoucher{
		Worth: terms.Worth{
			Description: input.Description, Percent: input.Percent, Value: input.Value, Currency: input.Currency, Filters: filters(input.Filters),
		},
		Seller: seller, Months: input.Months, RedeemableFrom: input.RedeemableFrom, RedeemableUntil: input.RedeemableUntil, MaxRedemptions: input.MaxRedemptions,
	}, nil
}

func filters(input []*model.DiscountFilterInput) []invoicing.Filter {
	list := make([]invoicing.Filter, len(input))
	for i, f := range input {
		list[i] = invoicing.Filter{Field: f.Field, Value: f.Value, Exclude: valueOf(f.Exclude)}
	}
	return list
}

func newAllocation(input model.SetAllocationInput) (allocations.NewAllocation, error) {
	author, err := optionalID("authorId", typeid.Organization, input.AuthorID)
	if err != nil {
		return allocations.NewAllocation{}, err
	}
	parent, err := optionalID("parentId", typeid.Allocation, input.ParentID)
	if err != nil {
		return allocations.NewAllocation{}, err
	}
	return allocations.NewAllocation{
		Scope: input.ScopeID, Author: author, Total: input.Total, Unit: input.Unit, Period: input.Period, Parent: parent,
		ExpectedVersion: input.ExpectedVersion,
	}, nil
}

func accountUpdate(input model.UpdateCloudAccountInput) (usage.AccountUpdate, error) {
	id, err := input.CloudAccountID.Expect("cloudAccountId", typeid.CloudAccount)
	if err != nil {
		return usage.AccountUpdate{}, err
	}
	update := usage.AccountUpdate{ID: id, Name: input.Name, ExpectedVersion: input.ExpectedVersion}
	if input.GroupIds == nil {
		return update, nil
	}
	groups, err := idsOf("groupIds", typeid.Group, given(input.GroupIds))
	update.Groups = &groups
	return update, err
}

func newMappings(input model.MapUsageInput) (importer uuid.UUID, mappings []usage.NewMapping, err error) {
	importer, err = input.OrganizationID.Expect("organizationId", typeid.Organization)
	if err != nil {
		return uuid.Nil, nil, err
	}
	mappings = make([]usage.NewMapping, len(input.Mappings))
	for i, m := range input.Mappings {
		organization, err := m.OrganizationID.Expect("mappings.organizationId", typeid.Organization)
		if err != nil {
			return uuid.Nil, nil, err
		}
		group, err := optionalID("mappings.groupId", typeid.Group, m.GroupID)
		if err != nil {
			return uuid.Nil, nil, err
		}
		mappings[i] = usage.NewMapping{
			SubAccountID: m.SubAccountID, TagKey: m.TagKey, TagValue: m.TagValue, OrganizationID: organization, GroupID: group,
			FirstMonth: m.FirstMonth, LastMonth: m.LastMonth,
		}
	}
	return importer, mappings, nil
}

func usageEvents(input model.RecordUsageInput) (organization uuid.UUID, events []metering.Event, err error) {
	organization, err = input.OrganizationID.Expect("organizationId", typeid.Organization)
	if err != nil {
		return uuid.Nil, nil, err
	}
	events = make([]metering.Event, len(input.Events))
	for i, e := range input.Events {
		if events[i], err = usageEvent(fmt.Sprintf("events.%d.", i), e); err != nil {
			return uuid.Nil, nil, err
		}
	}
	return organization, events, nil
}

// usageEvent returns an event of the input field that a prefix names.
func usageEvent(prefix string, input *model.UsageEventInput) (metering.Event, error) {
	owner, err := input.OrganizationID.Expect(prefix+"organizationId", typeid.Organization)
	if err != nil {
		return metering.Event{}, err
	}
	group, err := optionalID(prefix+"groupId", typeid.Group, input.GroupID)
	if err != nil {
		return metering.Event{}, err
	}
	tags := make(map[string]string, len(input.Tags))
	for _, tag := range input.Tags {
		if _, twice := tags[tag.Name]; twice {
			return metering.Event{}, fault.Invalidf(prefix+"tags", "a tag comes twice")
		}
		tags[tag.Name] = tag.Value
	}
	return metering.Event{
		Key: input.IdempotencyKey, SKU: input.Sku, Quantity: input.Quantity, Owner: orgtree.ID(owner), Group: orgtree.ID(valueOf(group)),
		Project: valueOf(input.Project), User: valueOf(input.User), Start: input.StartedAt, End: input.EndedAt, Tags: tags,
		Corrects: valueOf(input.Corrects),
	}, nil
}

func costWhere(where *model.CostWhereInput) (costs.Where, error) {
	if where == nil {
		return costs.Where{}, nil
	}
	conditions := costs.Where{
		Providers: where.Providers, Services: where.Services, SKUs: where.Skus, Regions: where.Regions, ChargeCategories: where.ChargeCategories,
	}
	if where.OrganizationIds != nil {
		ids, err := idsOf("where.organizationIds", typeid.Organization, given(where.OrganizationIds))
		if err != nil {
			return costs.Where{}, err
		}
		conditions.OrganizationIDs = ids
	}
	if where.GroupIds != nil {
		ids, err := idsOf("where.groupIds", typeid.Group, given(where.GroupIds))
		if err != nil {
			return costs.Where{}, err
		}
		conditions.GroupIDs = ids
	}
	for _, tag := range where.Tags {
		conditions.Tags = append(conditions.Tags, costs.Tag{Key: tag.Key, Values: tag.Values})
	}
	return conditions, nil
}

// newRules returns the rules that an input writes.
func newRules(inputs []*model.PolicyRuleInput) ([]policies.NewRule, error) {
	rules := make([]policies.NewRule, len(inputs))
	for i, input := range inputs {
		rules[i] = policies.NewRule{
			PermissionSets: input.PermissionSets, Organization: valueOf(input.Organization), AllProjects: valueOf(input.AllProjects),
		}
		if input.ProjectIds != nil {
			projects, err := idsOf("rules.projectIds", typeid.Project, given(input.ProjectIds))
			if err != nil {
				return nil, err
			}
			rules[i].Projects = projects
		}
		if c := input.Condition; c != nil {
			rules[i].Condition = &policies.NewCondition{CIDRs: c.Cidrs, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
		}
	}
	return rules, nil
}

func policyWhere(where *model.PolicyWhereInput) policies.Where {
	if where == nil {
		return policies.Where{}
	}
	return policies.Where{
		Principal: where.PrincipalID, Orphan: where.Orphan, Managed: where.Managed, NameContains: where.NameContains, Tag: where.Tag,
	}
}

func policyOrder(order *model.PolicyOrder) policies.Order {
	if order == nil {
		return policies.Order{}
	}
	return policies.Order{ByName: order.Field == model.PolicyOrderFieldName, Descending: order.Direction == model.OrderDirectionDesc}
}

func accessChecks(inputs []*model.AccessCheckInput) ([]checks.Check, error) {
	list := make([]checks.Check, len(inputs))
	for i, input := range inputs {
		var err error
		if list[i], err = accessCheck("checks."+strconv.Itoa(i), input); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// accessCheck returns one check, or INVALID for an address that is none.
func accessCheck(field string, input *model.AccessCheckInput) (checks.Check, error) {
	check := checks.Check{Principal: valueOf(input.PrincipalID), Permission: input.Permission, Resource: input.ResourceID}
	if input.Address == nil {
		return check, nil
	}
	address, err := netip.ParseAddr(*input.Address)
	if err != nil {
		return checks.Check{}, fault.Invalidf(field+".address", "an address is written as 192.0.2.1 or 2001:db8::1")
	}
	check.Address = address
	return check, nil
}

func ticketWhere(where *model.TicketWhereInput) support.Where {
	if where == nil {
		return support.Where{}
	}
	return support.Where{Status: valueOf(where.Status), Priority: valueOf(where.Priority), Mine: valueOf(where.Mine)}
}

func ticketOrder(order *model.TicketOrder) support.Order {
	if order == nil {
		return support.Order{}
	}
	return support.Order{
		ByPriority: order.Field == model.TicketOrderFieldPriority,
		Descending: order.Direction == model.OrderDirectionDesc,
	}
}

func invitationWhere(where *model.InvitationWhereInput) invitations.Where {
	if where == nil {
		return invitations.Where{}
	}
	return invitations.Where{Status: valueOf(where.Status), Kind: valueOf(where.Kind)}
}

// invitationNamed returns which invitation is answered.
func invitationNamed(token *string, id *typeid.ID) (invitations.Which, error) {
	which := invitations.Which{Token: valueOf(token)}
	if id == nil {
		return which, nil
	}
	var err error
	which.ID, err = id.Expect("invitationId", typeid.Invitation)
	return which, err
}
