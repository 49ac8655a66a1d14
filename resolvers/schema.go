package resolvers

import (
	"math"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/headwater-platform/headwater/graph"
	"github.com/headwater-platform/headwater/graph/model"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/invitations"
	"github.com/headwater-platform/headwater/service/statements"
	"github.com/headwater-platform/headwater/service/support"
	"github.com/headwater-platform/headwater/service/webhooks"
	"github.com/headwater-platform/headwater/typeid"
)

// NewSchema returns the executable schema of the resolvers, with the static
// cost of every list.
func NewSchema(r *Resolver) graphql.ExecutableSchema {
	config := graph.Config{Resolvers: r}
	setCosts(&config.Complexity)
	return graph.NewExecutableSchema(config)
}

// times returns the cost of a list of n things: a page costs what its items
// cost, however few there turn out to be. It saturates instead of overflowing.
func times(child, n int) int {
	if child > (math.MaxInt32-1)/n {
		return math.MaxInt32
	}
	return child*n + 1
}

func paged(child int, first *int, _ *string, last *int, _ *string) int {
	return times(child, page.Size(first, last))
}

// settingCount is about how many settings there are, for the cost of asking for
// all of them.
const settingCount = 40

// multiplierCount is about how many selectors matter to one buyer.
const multiplierCount = 20

// subAccountCount is about how many sub-accounts have no owner.
const subAccountCount = 50

// statementCount is how many statements closing a month answers with.
const statementCount = 100

// deltaCount is about how many organizations a price makes a difference to.
const deltaCount = 100

// grantCount is about how many grants a principal has, and how many could give
// one.
const grantCount = 20

// itemCount is about how many discounts, fees and taxes a statement has, of each, how
// many filters a discount has, and how many lines a credit note has.
const itemCount = 5

// criticalCount is how many announcements a login page shows at most.
const criticalCount = 20

// organizationCounts is how many pairs of a kind and a status there are.
const organizationCounts = 15

// reportCost is what adding up the costs of a period weighs beside a field.
const reportCost = 100

// seriesCount is about how many steps a series of costs has: a month by days.
const seriesCount = 31

// setCount is about how many permission sets there are.
const setCount = 25

// providerCount is about how many identity providers an organization has, or a
// person is linked to, and mappingCount how many groups one maps.
const (
	providerCount = 5
	mappingCount  = 20
)

// tokenCount is about how many tokens the directories of an organization have.
const tokenCount = 5

// ruleCount and ruleProjectCount are about how many rules a policy has and how
// many projects a rule lists.
const (
	ruleCount        = 5
	ruleProjectCount = 10
)

func perKey(child int, keys []string) int {
	if keys == nil {
		return times(child, settingCount)
	}
	return times(child, max(len(keys), 1))
}

// setCosts gives every list of the schema its cost. A test walks the schema and
// fails on a list that has none.
func setCosts(c *graph.ComplexityRoot) {
	organizations := func(child int, first *int, after *string, last *int, before *string, _ *model.OrganizationWhereInput, _ *model.OrganizationOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Query.Organizations = organizations
	c.Query.SettingDefinitions = func(child int) int { return times(child, settingCount) }
	c.Organization.ManagedOrganizations = func(child int, first *int, after *string, last *int, before *string, _ *bool, where *model.OrganizationWhereInput, order *model.OrganizationOrder) int {
		return organizations(child, first, after, last, before, where, order)
	}
	c.Organization.Applications = func(child int, first *int, after *string, last *int, before *string, _ *model.ApplicationWhereInput, _ *model.ApplicationOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Organization.APIKeys = func(child int, first *int, after *string, last *int, before *string, _ *typeid.ID) int {
		return paged(child, first, after, last, before)
	}
	c.Application.Groups = paged
	c.Application.APIKeys = paged
	c.Project.APIKeys = paged
	c.Organization.Groups = paged
	c.Organization.Members = func(child int, first *int, after *string, last *int, before *string, _ *model.MembershipWhereInput, _ *model.MembershipOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Membership.Groups = paged
	c.Organization.Projects = func(child int, first *int, after *string, last *int, before *string, _ *model.ProjectWhereInput, _ *model.ProjectOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Group.Projects = paged
	c.Project.Groups = paged
	c.Project.Resources = func(child int, first *int, after *string, last *int, before *string, _ *model.ResourceWhereInput) int {
		return paged(child, first, after, last, before)
	}
	c.Project.SSHKeys = paged
	c.Organization.EffectiveSettings = func(child int, keys []string, _ *time.Time) int { return perKey(child, keys) }
	c.Organization.SettingValues = perKey
	c.Organization.CostLines = func(child int, _ pricing.Month, _ *model.CostWhereInput, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Organization.UsageMappings, c.Organization.CloudAccounts = paged, paged
	c.Organization.BillingUnits, c.Organization.Skus = paged, paged
	rates := func(child int, first *int) int { return times(child, page.Size(first, nil)) }
	c.BillingUnit.Rates, c.SKU.Rates = rates, rates
	c.Organization.UsageEvents = func(child int, _ *pricing.Month, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Mutation.RecordUsage = func(child int, input model.RecordUsageInput) int { return times(child, max(len(input.Events), 1)) }
	c.Organization.Allocations, c.Organization.Thresholds = paged, paged
	c.Organization.Statements = func(child int, _ *statements.Side, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Organization.CreditNotes = func(child int, _ *statements.Side, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Organization.TaxRates, c.Organization.SupportFees, c.Organization.Vouchers = paged, paged, paged
	c.Organization.Discounts, c.Organization.RedeemedDiscounts = paged, paged
	c.Discount.Filters = func(child int) int { return times(child, itemCount) }
	c.Voucher.Filters = func(child int) int { return times(child, itemCount) }
	c.Statement.Lines = paged
	c.Statement.Discounts = func(child int) int { return times(child, itemCount) }
	c.Statement.Fees = func(child int) int { return times(child, itemCount) }
	c.Statement.Taxes = func(child int) int { return times(child, itemCount) }
	c.Statement.CreditNotes = paged
	c.CreditNote.Lines = func(child int) int { return times(child, itemCount) }
	c.CreditNote.Taxes = func(child int) int { return times(child, itemCount) }
	c.CreditNote.Document = func(child int, _ statements.Format) int { return child + reportCost }
	c.Statement.Document = func(child int, _ statements.Format) int { return child + reportCost }
	c.CloseBillingMonthPayload.Statements = func(child int) int { return times(child, statementCount) }
	c.Mutation.SetGroupAllocations = func(child int, input model.SetGroupAllocationsInput) int {
		return times(child, max(len(input.Allocations), 1))
	}
	c.Allocation.Firings = func(child int, first *int) int { return times(child, page.Size(first, nil)) }
	c.Organization.UnattributedUsage = func(child int, _ pricing.Month) int { return times(child, subAccountCount) + reportCost }
	c.BillingPlan.Deltas = func(child int) int { return times(child, deltaCount) }
	c.Organization.EffectiveBillingMultipliers = func(child int, _ *pricing.Month) int { return times(child, multiplierCount) }
	c.Organization.BillingMultipliers = func(child int, _ *pricing.Month, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Organization.PriceGuards = paged
	c.Organization.Webhooks = paged
	c.Webhook.Deliveries = func(child int, _ *webhooks.Status, first *int, after *string, last *int, before *string) int {
		return paged(child, first, after, last, before)
	}
	c.Query.WebhookEvents = func(child int) int { return times(child, len(webhooks.EventTypes())) }
	c.Organization.BillingContacts, c.Organization.PaymentMethods = paged, paged
	c.Organization.Budget = func(child int) int { return child + reportCost }
	c.Organization.Costs = func(child int, _, _ time.Time, _ *costs.GroupBy, _ *string, _ costs.Interval, _ *model.CostWhereInput, _ *costs.Perspective) int {
		return child + reportCost
	}
	c.CostReport.Rows = func(child int, first *int) int { return times(child, page.Size(first, nil)) }
	c.CostReport.Forecast = func(child int) int { return child + reportCost }
	c.CostRow.Series = func(child int) int { return times(child, seriesCount) }
	c.UsageImport.Errors = func(child int, first *int) int { return times(child, page.Size(first, nil)) }
	c.Organization.Policies = func(child int, first *int, after *string, last *int, before *string, _ *model.PolicyWhereInput, _ *model.PolicyOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Query.PermissionSets = func(child int, _ typeid.ID) int { return times(child, setCount) }
	c.Group.Policies = paged
	c.Policy.Rules = func(child int) int { return times(child, ruleCount) }
	c.PolicyRule.Projects = func(child int) int { return times(child, ruleProjectCount) }
	c.Group.Members = paged
	c.Group.EffectiveSettings = perKey
	c.Membership.EffectiveSettings = perKey
	c.Organization.IdentityProviders, c.Organization.TrustedIssuers, c.TrustedIssuer.Subjects = paged, paged, paged
	c.IdentityProvider.GroupMappings = func(child int) int { return times(child, mappingCount) }
	c.LoginPage.IdentityProviders = func(child int) int { return times(child, providerCount) }
	c.Viewer.LinkedIdentities = func(child int) int { return times(child, providerCount) }
	c.Organization.ScimTokens = func(child int) int { return times(child, tokenCount) }
	c.Organization.Invitations = func(child int, first *int, after *string, last *int, before *string, _ *model.InvitationWhereInput) int {
		return paged(child, first, after, last, before)
	}
	c.Viewer.Invitations = func(child int, first *int, _ *string) int { return times(child, page.Size(first, nil)) }
	c.Mutation.InviteMembers = func(child int, input model.InviteMembersInput) int {
		return times(child, max(invitations.Count(input.Emails), 1))
	}
	c.Query.Jobs = func(child int, first *int, after *string, last *int, before *string, _ *model.JobWhereInput) int {
		return paged(child, first, after, last, before)
	}
	c.Viewer.Memberships = paged
	c.Viewer.AccessRequests = paged
	c.Organization.AccessRequests = paged
	c.Organization.Notices = paged
	c.Query.Announcements = func(child int, first *int, after *string, last *int, before *string, _ bool) int {
		return paged(child, first, after, last, before)
	}
	c.LoginPage.Announcements = func(child int) int { return times(child, criticalCount) }
	tickets := func(child int, first *int, after *string, last *int, before *string, _ *model.TicketWhereInput, _ *model.TicketOrder) int {
		return paged(child, first, after, last, before)
	}
	c.Query.Tickets, c.Organization.Tickets = tickets, tickets
	c.Ticket.Messages = paged
	c.Organization.SupportPlanHistory = paged
	c.Query.SupportPlans = func(child int) int { return times(child, len(support.Plans())) }
	c.Query.PlatformReport = func(child int, _ pricing.Month) int { return child + reportCost }
	c.PlatformReport.Organizations = func(child int) int { return times(child, organizationCounts) }
	c.PlatformReport.ActiveUsersByOrganization = paged
	c.Query.CheckAccess = func(child int, checks []*model.AccessCheckInput) int { return times(child, max(len(checks), 1)) }
	grants := func(child int) int { return times(child, grantCount) }
	c.AccessExplanation.Grants, c.Application.EffectiveGrants, c.Group.EffectiveGrants, c.Membership.EffectiveGrants = grants, grants, grants, grants
	c.AccessMissing.GrantableBy, c.AccessMissing.Unmet = grants, grants
}
