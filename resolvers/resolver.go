// Package resolvers connects the schema to the services.
//
// A resolver takes its input apart, makes one call and wraps the answer. It
// owns no rule, no query and no error.
package resolvers

import (
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/budgets"
	"github.com/headwater-platform/headwater/service/checks"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/service/groups"
	"github.com/headwater-platform/headwater/service/identity"
	"github.com/headwater-platform/headwater/service/invitations"
	"github.com/headwater-platform/headwater/service/jobs"
	"github.com/headwater-platform/headwater/service/keys"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/payments"
	"github.com/headwater-platform/headwater/service/people"
	"github.com/headwater-platform/headwater/service/platform"
	"github.com/headwater-platform/headwater/service/policies"
	"github.com/headwater-platform/headwater/service/projects"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/requests"
	"github.com/headwater-platform/headwater/service/resources"
	"github.com/headwater-platform/headwater/service/sessions"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/statements"
	"github.com/headwater-platform/headwater/service/support"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/service/webhooks"
)

// Resolver holds the services that resolvers call.
type Resolver struct {
	Allocations *allocations.Service
	Budgets     *budgets.Service
	Checks      *checks.Service
	Costs       *costs.Service
	Groups      *groups.Service
	Jobs        *jobs.Service
	Directory   *directory.Service
	// Platform is set where there is an issuer of tokens.
	Platform *platform.Service
	// Invitations is set where there is an issuer of tokens.
	Invitations   *invitations.Service
	Keys          *keys.Service
	Organizations *organizations.Service
	Payments      *payments.Service
	People        *people.Service
	Policies      *policies.Service
	Projects      *projects.Service
	Rates         *rates.Service
	Resources     *resources.Service
	Requests      *requests.Service
	// Identity, Sessions and Webhooks are set where there is an issuer of tokens.
	Identity   *identity.Service
	Sessions   *sessions.Service
	Webhooks   *webhooks.Service
	Settings   *settings.Service
	Statements *statements.Service
	Support    *support.Service
	Terms      *terms.Service
	Usage      *usage.Service
}
