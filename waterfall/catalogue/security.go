package catalogue

import "github.com/headwater-platform/headwater/waterfall"

// The lengths of time that definitions name, in seconds.
const (
	minutes int64 = 60
	hours         = 60 * minutes
	days          = 24 * hours
	forever       = 36_500 * days
)

func authentication() section {
	return section{
		name: "authentication", levels: toOrganization(), write: securityWrite,
		settings: []waterfall.Definition{{
			Key: "authentication.methods", Title: "Sign-in methods",
			Description: "How people may sign in. At least one method always remains.",
			Type:        waterfall.TypeSet, Element: waterfall.TypeText,
			Options: []string{"password", "oidc", "saml", "ldap", "cac"}, MaxItems: 5, MaxLength: 16, NonEmpty: true,
			Default: waterfall.Set("password", "oidc"), WritePermission: identityWrite,
		}, {
			Key: "authentication.mfa_required", Title: "Require a second factor",
			Description: "Whether everybody needs a second factor. Those without one set it up within the grace period.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "authentication.password_renewal_required", Title: "Require a password of one's own",
			Description: "Whether a password that somebody else set must be replaced by its owner within the grace period.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "authentication.session_max_duration", Title: "Longest session",
			Description: "How long a session lasts before a new sign-in, from PT5M to P365D. It also ends sessions that are open.",
			Type:        waterfall.TypeDuration, Min: 5 * minutes, Max: 365 * days, Default: waterfall.Seconds(30 * days),
		}, {
			Key: "authentication.password_min_length", Title: "Shortest password",
			Description: "The least number of characters of a new password, from 8 to 128.",
			Type:        waterfall.TypeInteger, Min: 8, Max: 128, Default: waterfall.Integer(12),
		}, {
			Key: "authentication.login_attempts_before_lock", Title: "Failed sign-ins before a lock",
			Description: "After how many failed sign-ins in a row a membership is locked, from 1 to 100. The owner's never is.",
			Type:        waterfall.TypeInteger, Min: 1, Max: 100, Default: waterfall.Integer(10),
		}, {
			Key: "authentication.grace_period", Title: "Grace period",
			Description: "How long people have to renew a password or to set up a second factor before they are locked, up to P90D.",
			Type:        waterfall.TypeDuration, Min: 0, Max: 90 * days, Default: waterfall.Seconds(3 * days),
		}, {
			Key: "authentication.api_key_max_duration", Title: "Longest life of an API key",
			Description: "The latest expiry of a new API key, from PT1H to P36500D, which is the default and means unlimited.",
			Type:        waterfall.TypeDuration, Min: hours, Max: forever, Default: waterfall.Seconds(forever), Unlimited: forever,
		}},
	}
}

func policies() section {
	return section{
		name: "policies", levels: toOrganization(), write: settingsWrite,
		settings: []waterfall.Definition{{
			Key: "policies.no_root_access", Title: "No root access",
			Description: "Whether nobody, owners of resources included, gets root access to machines.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "policies.no_public_ip", Title: "No public IP addresses",
			Description: "Whether machines and requests for a public IP address are refused one.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "policies.approved_regions", Title: "Approved regions",
			Description: "The regions in which resources may run, at most 500 names such as eu-west-1; none means every region.",
			Type:        waterfall.TypeSet, Element: waterfall.TypeText, MaxItems: 500, MaxLength: 64,
			CheckText: checkRegion, Default: waterfall.Set(),
		}, {
			Key: "policies.archive_cost_months", Title: "Archive cost data after",
			Description: "After how many months cost lines are summarised and archived: 1, 3, 6 or 12; 0 means never.",
			Type:        waterfall.TypeEnum, Options: []string{"0", "1", "3", "6", "12"}, Default: waterfall.Integer(0),
		}},
	}
}

func members() section {
	return section{
		name: "members", levels: toOrganization(), write: groupsRoles,
		settings: []waterfall.Definition{{
			Key: "members.administrators_manage_billing", Title: "Administrators manage billing",
			Description: "Whether the built-in group Administrators may read and write billing.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(true),
		}, {
			Key: "members.administrators_manage_members", Title: "Administrators manage members",
			Description: "Whether the built-in group Administrators may lock, remove and change the role of members.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}},
	}
}
