package demo

import (
	"fmt"
	"math/rand/v2"
)

// account is a sub-account at a provider and what runs in it.
type account struct {
	provider  provider
	id, name  string
	owner     *organization // nil for one that nobody has mapped
	workloads []workload
	// committed accounts have paid for their first workload in advance.
	committed bool
}

// workload is one resource that is used from day to day.
type workload struct {
	product            product
	region, regionName string
	resource, name     string
	team               *group // nil for none
	environment        string
	project, user      string // empty for none
	// size is the number of machines, or the amount on the first day.
	size int
}

// sellable returns the providers that an organization may use, in the words of
// its partner's settings.
func (o *organization) sellable() []string {
	switch o.slug {
	case "alpine":
		return []string{aws, azure}
	case "jura":
		return []string{aws, azure}
	case "harbor":
		return []string{aws, google}
	default:
		return []string{nordic, azure}
	}
}

// accounts makes up where the customers' usage comes from, and one account that
// is nobody's.
func (p *plan) accounts(seed uint64) []*account {
	random := newRandom(seed, "accounts at providers")
	known := providers()
	var accounts []*account
	for i, customer := range p.customers {
		for j, name := range customer.manager.sellable() {
			if j > 0 && i > 0 && chance(random, 50) {
				continue
			}
			a := newAccount(random, known[name], customer.slug, customer)
			a.owner, a.committed = customer, name == aws && (i == 0 || chance(random, 30))
			accounts = append(accounts, a)
		}
	}
	return append(accounts, newAccount(random, known[aws], "sandbox", &organization{}))
}

// environments are where workloads run.
func environments() []string { return []string{"production", "production", "staging", "development"} }

func newAccount(random *rand.Rand, p provider, name string, owner *organization) *account {
	teams := owner.teams()
	a := &account{provider: p, id: p.newSubAccount(random), name: name}
	for i, product := range shuffled(random, p.products)[:between(random, 2, 4)] {
		region := random.IntN(len(p.regions))
		w := workload{
			product: product, region: p.regions[region], regionName: p.regionNames[region],
			resource: p.newResource(random), name: fmt.Sprintf("%s-%d", slug(product.resource), i+1),
			environment: pick(random, environments()), size: sizeOf(random, product.pattern),
		}
		if len(teams) > 0 && chance(random, 85) {
			w.team = pick(random, teams)
		}
		if chance(random, 60) {
			w.project = pick(random, projectNames())
		}
		if len(owner.people) > 0 && chance(random, 50) {
			w.user = pick(random, owner.people).username
		}
		a.workloads = append(a.workloads, w)
	}
	return a
}

func sizeOf(random *rand.Rand, p pattern) int {
	switch p {
	case volume:
		return between(random, 500, 20_000) // GB
	case traffic:
		return between(random, 20, 400) // GB a day
	case bursts:
		return between(random, 1, 3)
	case steady, weekdays:
		return between(random, 1, 8)
	}
	return 1
}
