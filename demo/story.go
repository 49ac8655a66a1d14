package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/headwater-platform/headwater/waterfall"
)

// platformDecisions are what holds for everybody: a security baseline, what the
// platform offers, and how it looks.
func (p *plan) platformDecisions() []decision {
	by, root := p.root.administrator(), p.root
	return []decision{
		{by: by, at: root, key: "platform.public_name", value: `"Summit Cloud Exchange"`},
		{by: by, at: root, key: "platform.maintenance", value: `false`},
		{by: by, at: root, key: "authentication.methods", value: `["password","oidc"]`, guard: required(`["password"]`), reason: "nobody may lock themselves out"},
		{by: by, at: root, key: "authentication.password_min_length", value: `12`, guard: within(`12`, `64`), reason: "security baseline"},
		{by: by, at: root, key: "authentication.login_attempts_before_lock", value: `8`, guard: within(``, `10`), reason: "security baseline"},
		{by: by, at: root, key: "authentication.session_max_duration", value: `"P14D"`, guard: within(`"PT1H"`, `"P30D"`)},
		{by: by, at: root, key: "authentication.api_key_max_duration", value: `"P365D"`, guard: within(``, `"P730D"`)},
		{by: by, at: root, key: "policies.no_root_access", value: `true`, lock: true, reason: "security baseline"},
		{by: by, at: root, key: "policies.approved_regions", value: regions, guard: allowed(regions), reason: "where we hold contracts"},
		{by: by, at: root, key: "policies.archive_cost_months", value: `12`, guard: allowed(`[6,12]`)},
		{by: by, at: root, key: "quotas.projects", value: `500`},
		{by: by, at: root, key: "quotas.api_keys", value: `2000`},
		{by: by, at: root, key: "variables", value: `{"PLATFORM_API":"https://api.summit.example","SUPPORT":"help@summit.example"}`},
		{by: by, at: root, key: "customize.theme", value: `{"accent":"#1d4ed8","default_theme":"system"}`},
		{by: by, at: root, key: "customize.login_banner", value: `{"title":"Summit Cloud Exchange","body":"Authorized use only."}`},
		{by: by, at: root, key: "cloud.providers", value: `["aws","azure","google","openstack"]`},
		{by: by, at: root, key: "cloud.instance_types", value: instanceTypes},
		{by: by, at: root, key: "cloud.instance_limits", value: `{"*":500,"aws/p4d.24xlarge":16}`, guard: within(``, `{"*":1000}`)},
		{by: by, at: root, key: "cloud.bootstrap_script", value: `"#!/bin/sh\nset -eu\ncurl -fsS https://api.summit.example/agent | sh\n"`},
		{by: by, at: root, key: "billing.currency", value: `"USD"`, guard: allowed(`["USD","EUR"]`)},
		{by: by, at: root, key: "billing.visible_to_customer", value: `"FACTOR"`},
		{by: by, at: root.people[2], key: "customize.timezone", value: `"Europe/London"`},
		{by: root.people[2], at: root.group(settingsGroup), key: "variables", value: `{"ON_CALL":"+44 20 7946 0000"}`},
	}
}

// What the platform offers.
const (
	regions       = `["eu-west-1","eu-central-1","us-east-1","westeurope","northeurope","europe-west4","us-central1","no-osl-1"]`
	instanceTypes = `["aws/t3.large","aws/c6i.4xlarge","aws/m6i.2xlarge","aws/p4d.24xlarge","azure/Standard_D4s_v5","azure/Standard_E8s_v5",
		"azure/Standard_NC24ads_A100_v4","google/n2-standard-8","google/a2-highgpu-1g","openstack/m1.xlarge","openstack/g1.large"]`
)

// partnerDecisions are what the partners set for themselves and all below, and
// what the platform places on single partners.
func (p *plan) partnerDecisions() []decision {
	platform := p.root.administrator()
	alpine, jura, harbor, nordlys := p.alpine.administrator(), p.jura.administrator(), p.harbor.administrator(), p.nordlys.administrator()
	return []decision{
		{by: platform, at: p.harbor, placedBy: p.root, key: "cloud.instance_limits", value: `{"*":300}`, reason: "by contract"},
		{by: platform, at: p.nordlys, placedBy: p.root, key: "billing.source_cost_visible", value: `false`, lock: true, reason: "provider discounts are confidential"},
		{by: platform, at: p.nordlys, placedBy: p.root, key: "quotas.projects", value: `200`},

		{by: alpine, at: p.alpine, key: "cloud.providers", value: `["aws","azure","google"]`},
		{by: alpine, at: p.alpine, key: "cloud.instance_limits", value: `{"aws/*":120,"azure/*":80}`},
		{by: alpine, at: p.alpine, key: "billing.chain_mode", value: `"UPSTREAM"`},
		{by: alpine, at: p.alpine, key: "billing.visible_to_customer", value: `"CHAIN"`},
		{by: alpine, at: p.alpine, key: "customize.theme", value: `{"accent":"#0f766e","logo":"https://alpine.example/logo.svg"}`},
		{by: alpine, at: p.alpine, key: "customize.login_banner", value: `{"title":"Alpine Cloud Partners","body":"Call **+41 44 555 0100** if you cannot sign in."}`},
		{by: alpine, at: p.alpine, key: "variables", value: `{"PARTNER":"alpine","PROXY_TOKEN":{"value":"not-a-real-token","secret":true}}`},
		{by: alpine, at: p.alpine, key: "authentication.session_max_duration", value: `"P7D"`, guard: within(``, `"P14D"`)},
		{by: alpine, at: p.alpine, key: "policies.no_public_ip", value: `false`, guard: allowed(`[true,false]`)},
		{by: p.alpine.owner(), at: p.alpine.group("Sales"), key: "customize.locale", value: `"fr-CH"`},
		{by: alpine, at: alpine, key: "customize.timezone", value: `"Europe/Zurich"`},

		{by: jura, at: p.jura, key: "cloud.providers", value: `["aws","azure"]`, guard: required(`["aws"]`)},
		{by: jura, at: p.jura, key: "customize.theme", value: `{"accent":"#7c3aed"}`},
		{by: jura, at: p.jura, key: "policies.approved_regions", operation: waterfall.OperationRemove, value: `["us-east-1","us-central1"]`, reason: "data stays in Europe"},
		{by: jura, at: p.jura, key: "cloud.bootstrap_script", value: `"#!/bin/sh\nset -eu\n/opt/jura/enroll\n"`, lock: true, reason: "machines must enroll"},
		{by: jura, at: p.jura, key: "authentication.mfa_required", value: `true`},
		{by: jura, at: p.jura.group("Service Desk"), key: "customize.sidebar", value: `["organizations","users","tickets"]`},

		{by: harbor, at: p.harbor, key: "cloud.providers", value: `["aws","google"]`},
		{by: harbor, at: p.harbor, key: "members.administrators_manage_billing", value: `false`},
		{by: harbor, at: p.harbor, key: "customize.locale", value: `"en-GB"`},
		{by: harbor, at: p.harbor, key: "authentication.login_attempts_before_lock", value: `5`, lock: true, reason: "audit finding"},

		{by: nordlys, at: p.nordlys, key: "cloud.providers", value: `["openstack","azure"]`},
		{by: nordlys, at: p.nordlys, key: "billing.currency", value: `"EUR"`},
		{by: nordlys, at: p.nordlys, key: "customize.timezone", value: `"Europe/Oslo"`},
		{by: nordlys, at: p.nordlys, key: "policies.approved_regions", value: `["no-osl-1","northeurope","westeurope"]`, guard: required(`["no-osl-1"]`)},
	}
}

// limits are what managers place on single customers.
func (p *plan) limits() []decision {
	first := p.customers[0]
	alpine := p.alpine.administrator()
	decisions := []decision{
		{by: alpine, at: first, placedBy: p.alpine, key: "cloud.instance_limits", value: `{"aws/*":40,"azure/*":20}`, reason: "credit limit"},
		{by: alpine, at: first, placedBy: p.alpine, key: "cloud.providers", guard: allowed(`["aws","azure"]`), reason: "no contract for more"},
		{by: alpine, at: first, placedBy: p.alpine, key: "policies.no_public_ip", value: `true`, lock: true, reason: "incident of last spring"},
		{by: alpine, at: first, placedBy: p.alpine, key: "quotas.projects", value: `25`},
	}
	for i, customer := range p.customers[1:] {
		manager := customer.manager
		switch i % 4 {
		case 0:
			decisions = append(decisions, decision{
				by: manager.administrator(), at: customer, placedBy: manager, key: "quotas.projects", value: fmt.Sprint(10 + 5*(i%7)),
			})
		case 1:
			decisions = append(decisions, decision{
				by: manager.administrator(), at: customer, placedBy: manager, key: "cloud.instance_limits", value: fmt.Sprintf(`{"*":%d}`, 20+10*(i%9)), reason: "by contract",
			})
		}
		if manager == p.jura && i%2 == 0 {
			// Two managers limit the same customer; the nearer one cannot give more.
			decisions = append(decisions, decision{
				by: alpine, at: customer, placedBy: p.alpine, key: "cloud.instance_limits", value: `{"*":60}`, reason: "shared quota with the provider",
			})
		}
	}
	return decisions
}

// firstCustomerDecisions are those of the first customer, which has something
// of everything, down to its teams and people.
func (p *plan) firstCustomerDecisions() []decision {
	o := p.customers[0]
	by := o.with("org:settings")
	team, other := o.teams()[0], o.teams()[1]
	member := o.people[len(o.people)-1]
	for _, candidate := range o.people {
		if candidate.login == Member {
			member = candidate
		}
	}
	return []decision{
		{by: by, at: o, key: "customize.timezone", value: `"Europe/Paris"`},
		{by: by, at: o, key: "customize.theme", value: `{"accent":"#b91c1c","default_theme":"dark"}`},
		{by: by, at: o, key: "customize.login_banner", value: fmt.Sprintf(`{"title":"%s","body":"Welcome back."}`, o.name)},
		{by: by, at: o, key: "authentication.session_max_duration", value: `"P10D"`},
		{by: by, at: o, key: "authentication.mfa_required", value: `false`, reason: "rolled out next quarter"},
		{by: by, at: o, key: "policies.approved_regions", operation: waterfall.OperationRemove, value: `["us-central1"]`},
		{by: by, at: o, key: "policies.archive_cost_months", value: `6`},
		{by: by, at: o, key: "variables", value: `{"COST_CENTRE":"4711","PLATFORM_API":"https://proxy.` + o.slug + `.example"}`},
		{by: by, at: o, key: "cloud.instance_types", value: `["aws/t3.large","aws/c6i.4xlarge","aws/m6i.2xlarge","azure/Standard_D4s_v5"]`},
		{by: by, at: o, key: "cloud.instance_limits", value: `{"aws/c6i.4xlarge":30}`, guard: within(``, `{"aws/m6i.2xlarge":10}`)},
		{by: by, at: o, key: "cloud.reservations", value: `{"cr-0a1b2c3d":{"provider":"aws","group":"night-batch","description":"c6i capacity for the night"}}`},
		{by: by, at: o, key: "customize.user_defaults", value: `[{"kind":"workspace","name":"home","spec":{"disk_gb":"100"}}]`},
		{by: o.administrator(), at: o, key: "members.administrators_manage_members", value: `true`},

		{by: by, at: team, key: "variables", value: `{"TEAM":"` + slug(team.name) + `","SCRATCH_TB":"20"}`},
		{by: by, at: team, key: "cloud.providers", value: `["aws"]`, guard: required(`["aws"]`)},
		{by: by, at: team, key: "cloud.instance_limits", value: `{"aws/c6i.4xlarge":12}`, guard: within(``, `{"aws/*":24}`)},
		{by: by, at: team, key: "cloud.bootstrap_script", value: `"#!/bin/sh\nmount /scratch\n"`, lock: true, reason: "jobs depend on it"},
		{by: by, at: other, key: "customize.theme", value: `{"accent":"#ca8a04"}`},
		{by: by, at: other, key: "cloud.instance_types", value: `["aws/t3.large"]`, lock: true, reason: "small machines only"},

		{by: member, at: member, key: "customize.locale", value: `"de-CH"`},
		{by: member, at: member, key: "customize.timezone", value: `"Europe/Berlin"`},
		{by: member, at: member, key: "customize.theme", value: `{"default_theme":"light"}`},
		{by: o.with("org:users"), at: member, key: "customize.sidebar", value: `["workspaces","jobs","costs"]`, lock: true, reason: "as taught in the introduction"},
	}
}

// customerDecisions are a few of many for each other customer and some of its
// teams and people.
func (p *plan) customerDecisions(random *rand.Rand) []decision {
	var decisions []decision
	for _, o := range p.customers[1:] {
		by := o.with("org:settings")
		for _, choice := range shuffled(random, choices(o))[:between(random, 3, 6)] {
			choice.by, choice.at = by, o
			decisions = append(decisions, choice)
		}
		for _, team := range o.teams() {
			if chance(random, 40) {
				decisions = append(decisions, teamDecision(random, by, team))
			}
		}
		for _, person := range o.people {
			if chance(random, 12) {
				decisions = append(decisions, personalDecision(random, person))
			}
		}
	}
	return decisions
}

// choices are what any customer may want. What some partner locks is not among
// them.
func choices(o *organization) []decision {
	banner := fmt.Sprintf(`{"title":"%s","body":"Use of this system is monitored."}`, o.name)
	return []decision{
		{key: "customize.timezone", value: `"Europe/Madrid"`},
		{key: "customize.locale", value: `"es-ES"`},
		{key: "customize.theme", value: `{"accent":"#15803d"}`},
		{key: "customize.theme", value: `{"accent":"#9333ea","default_theme":"dark"}`, lock: true, reason: "corporate design"},
		{key: "customize.login_banner", value: banner},
		{key: "authentication.mfa_required", value: `false`},
		{key: "authentication.password_min_length", value: `16`},
		{key: "authentication.session_max_duration", value: `"P10D"`},
		{key: "authentication.api_key_max_duration", value: `"P180D"`},
		{key: "policies.no_public_ip", value: `true`},
		{key: "policies.archive_cost_months", value: `6`},
		{key: "variables", value: `{"COST_CENTRE":"` + strings.ToUpper(o.slug[:3]) + `-1","REGION_HINT":"eu"}`},
		{key: "cloud.instance_limits", value: `{"*":15}`, guard: within(``, `{"*":30}`)},
		{key: "customize.sidebar", operation: waterfall.OperationReset, value: `null`},
	}
}

func teamDecision(random *rand.Rand, by *person, team *group) decision {
	d := pick(random, []decision{
		{key: "variables", value: `{"TEAM":"` + slug(team.name) + `"}`},
		{key: "cloud.instance_limits", value: `{"*":5}`},
		{key: "customize.sidebar", value: `["jobs","costs"]`},
		{key: "cloud.instance_limits", value: `{"*":8}`, lock: true, reason: "budget of the team"},
	})
	d.by, d.at = by, team
	return d
}

func personalDecision(random *rand.Rand, person *person) decision {
	d := pick(random, []decision{
		{key: "customize.timezone", value: `"America/New_York"`},
		{key: "customize.timezone", value: `"Asia/Tokyo"`},
		{key: "customize.locale", value: `"fr-FR"`},
		{key: "customize.sidebar", value: `["costs"]`},
	})
	d.by, d.at = person, person
	return d
}

// laterDecisions tighten what many had chosen differently by then. Nothing of
// that is deleted: it is shown as clamped or blocked.
func (p *plan) laterDecisions() []decision {
	platform, alpine, harbor := p.root.administrator(), p.alpine.administrator(), p.harbor.administrator()
	first := p.customers[0]
	return []decision{
		{by: platform, at: p.root, key: "authentication.session_max_duration", guard: within(`"PT1H"`, `"P7D"`), reason: "audit finding"},
		{by: platform, at: p.root, key: "policies.approved_regions", guard: allowed(strings.Replace(regions, `"us-east-1",`, ``, 1)), reason: "the contract for us-east-1 ended"},
		{by: alpine, at: p.alpine, key: "customize.timezone", value: `"Europe/Zurich"`, lock: true, reason: "one time on all reports"},
		{by: harbor, at: p.harbor, key: "authentication.mfa_required", value: `true`, lock: true, reason: "demanded by the insurer"},
		{by: p.jura.administrator(), at: p.jura, key: "cloud.instance_limits", value: `{"*":50}`, guard: within(``, `{"*":50}`), reason: "capacity is short"},
		{by: first.with("org:settings"), at: first, key: "customize.locale", value: `"fr-FR"`, lock: true, reason: "training material is French"},
	}
}
