package catalogue

import "github.com/headwater-platform/headwater/waterfall"

// unlimited is the largest 32-bit integer, which clients show as "unlimited".
const unlimited = 1<<31 - 1

func quotas() section {
	s := section{name: "quotas", levels: toOrganization(), write: partnerLimits}
	for _, q := range []struct{ key, things string }{
		{"users", "members"},
		{"groups", "groups"},
		{"applications", "applications"},
		{"policies", "policies"},
		{"api_keys", "API keys"},
		{"projects", "projects"},
		{"ssh_keys", "SSH keys"},
		{"seats", "seats, which are the members who may start resources,"},
	} {
		s.settings = append(s.settings, waterfall.Definition{
			Key: "quotas." + q.key, Title: "Limit of " + titleOf(q.key),
			Description: "How many " + q.things + " an organization may have, as a literal count. Each level's number is the most for the levels below it; 2147483647 means unlimited.",
			Type:        waterfall.TypeInteger, Min: 0, Max: unlimited,
			Default: waterfall.Integer(unlimited), Unlimited: unlimited, Narrows: true,
		})
	}
	return s
}

func titleOf(quota string) string {
	switch quota {
	case "api_keys":
		return "API keys"
	case "ssh_keys":
		return "SSH keys"
	default:
		return quota
	}
}

func cloud() section {
	return section{
		name: "cloud", levels: toGroup(), write: settingsWrite, manage: partnerLimits,
		settings: []waterfall.Definition{{
			Key: "cloud.providers", Title: "Cloud providers",
			Description: "The providers that may be used. Each level's set is all that the levels below it may choose from; none means nothing.",
			Type:        waterfall.TypeSet, Element: waterfall.TypeText, Options: providers(), MaxItems: 5, MaxLength: 16,
			Default: waterfall.Set(providers()...), Narrows: true,
		}, {
			Key: "cloud.instance_types", Title: "Instance types",
			Description: "The instance types that may be started, as provider/type such as aws/c5.large, at most 2000. Each level's set is all that the levels below it may choose from; the platform lists what it offers, and until it does there is nothing.",
			Type:        waterfall.TypeSet, Element: waterfall.TypeText, MaxItems: 2000, MaxLength: 128,
			CheckText: checkInstanceType, Default: waterfall.Set(), Narrows: true,
		}, {
			Key: "cloud.instance_limits", Title: "Instance limits",
			Description: "How many instances of a type may run at once: provider/type, else provider/*, else * gives the number; without any there is no limit. At most 500 keys. Each level's numbers are the most for the levels below it.",
			Type:        waterfall.TypeMap, Element: waterfall.TypeInteger, Min: 0, Max: unlimited, MaxItems: 500, MaxLength: 128,
			CheckKey: checkInstancePattern, Default: waterfall.EmptyMap(), Narrows: true,
		}, {
			Key: "cloud.bootstrap_script", Title: "Bootstrap script",
			Description: "The script that runs first on every new machine, at most 64 KiB. The nearest one wins; an empty one runs nothing.",
			Type:        waterfall.TypeText, MaxLength: 64 << 10, Default: waterfall.Text(""),
		}, {
			Key: "cloud.reservations", Title: "Reservations",
			Description: "Capacity reserved with a provider: id to {provider, group, description}, at most 500. The group is the provider's own name for the reservation.",
			Type:        waterfall.TypeMap, Element: waterfall.TypeObject, MaxItems: 500, MaxLength: 64,
			CheckKey: checkIdentifier, ReadEntry: readReservation, Default: waterfall.EmptyMap(),
		}},
	}
}

func providers() []string { return []string{"aws", "azure", "google", "openstack", "oracle"} }

func api() section {
	return section{
		name: "api", levels: toOrganization(), write: partnerLimits,
		settings: []waterfall.Definition{{
			Key: "api.query_cost_limit", Title: "Largest query",
			Description: "The greatest static cost of one GraphQL operation, from 100. Each level's number is the most for the levels below it.",
			Type:        waterfall.TypeInteger, Min: 100, Max: unlimited, Default: waterfall.Integer(100_000), Narrows: true,
		}, {
			Key: "api.requests_per_minute", Title: "Requests per minute",
			Description: "How many requests a principal may send in a minute. Each level's number is the most for the levels below it.",
			Type:        waterfall.TypeInteger, Min: 1, Max: unlimited, Default: waterfall.Integer(6_000), Narrows: true,
		}, {
			Key: "api.page_size_max", Title: "Largest page",
			Description: "The most items that one page of a connection holds, from 1 to 100. Each level's number is the most for the levels below it.",
			Type:        waterfall.TypeInteger, Min: 1, Max: 100, Default: waterfall.Integer(100), Narrows: true,
		}},
	}
}
