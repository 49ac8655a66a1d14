package catalogue

import "github.com/headwater-platform/headwater/waterfall"

func variables() section {
	return section{
		name: "variables", levels: toGroup(), write: settingsWrite,
		settings: []waterfall.Definition{{
			Key: "variables", Title: "Variables",
			Description: "Names and values that workloads receive, at most 500: a text of at most 8 KiB, or {value, secret: true}. A secret is never read back; it is shown as {secret: true}.",
			Type:        waterfall.TypeMap, Element: waterfall.TypeText, MaxItems: 500, MaxLength: 128,
			CheckKey: checkVariable, ReadEntry: readVariable, Sensitive: true, Default: waterfall.EmptyMap(),
		}},
	}
}

func customize() section {
	return section{
		name: "customize", levels: toUser(), write: settingsWrite,
		settings: []waterfall.Definition{{
			Key: "customize.theme", Title: "Theme",
			Description: "Colours as #rrggbb, https addresses under names that contain logo, and default_theme (system, light or dark), at most 64 names. Names are inherited one by one.",
			Type:        waterfall.TypeMap, Element: waterfall.TypeText, MaxItems: 64, MaxLength: 64,
			CheckKey: checkThemeName, ReadEntry: readThemeEntry, Personal: true, Default: waterfall.EmptyMap(),
		}, {
			Key: "customize.sidebar", Title: "Sidebar",
			Description: "The entries of the sidebar from top to bottom, at most 64 names; none means the usual ones.",
			Type:        waterfall.TypeList, Element: waterfall.TypeText, MaxItems: 64, MaxLength: 64,
			CheckText: checkIdentifier, Personal: true, Default: waterfall.EmptyList(),
		}, {
			Key: "customize.login_banner", Title: "Login banner",
			Description: "What the login page says: {title, body}, the title at most 200 bytes, the body Markdown of at most 10000. An empty object shows nothing. Readable without a login.",
			Type:        waterfall.TypeObject, ReadObject: readLoginBanner, Levels: toOrganization(), Default: waterfall.EmptyObject(),
		}, {
			Key: "customize.user_defaults", Title: "Default resources",
			Description: "The resources that are copied to each new user, at most 50: {kind, name, spec}, where the spec holds texts.",
			Type:        waterfall.TypeList, Element: waterfall.TypeObject, MaxItems: 50,
			ReadObject: readUserDefault, Levels: toGroup(), Default: waterfall.EmptyList(),
		}, {
			Key: "customize.locale", Title: "Language",
			Description: "The language and region of texts, dates and numbers as a BCP 47 tag such as en-GB.",
			Type:        waterfall.TypeText, MaxLength: 64, CheckText: checkLocale, Personal: true, Default: waterfall.Text("en"),
		}, {
			Key: "customize.timezone", Title: "Time zone",
			Description: "The zone in which times are shown, by its name in the IANA database such as Europe/Paris.",
			Type:        waterfall.TypeText, MaxLength: 64, CheckText: checkZone, Personal: true, Default: waterfall.Text("UTC"),
		}},
	}
}

func billing() section {
	return section{
		name: "billing", levels: toPartner(), write: groupsRoles,
		settings: []waterfall.Definition{{
			Key: "billing.chain_mode", Title: "Usual basis of a multiplier",
			Description: "The basis of a new multiplier that names none. Existing multipliers keep theirs.",
			Type:        waterfall.TypeEnum, Options: words("SOURCE", "UPSTREAM", "LIST"), Default: waterfall.Text("SOURCE"),
		}, {
			Key: "billing.currency", Title: "Currency",
			Description: "The ISO 4217 currency in which totals are shown. Amounts in other currencies are listed apart, never converted.",
			Type:        waterfall.TypeEnum, Options: currencies(), Default: waterfall.Text("USD"),
		}, {
			Key: "billing.rounding", Title: "Rounding",
			Description: "How amounts on statements are rounded to the minor unit of their currency.",
			Type:        waterfall.TypeEnum, Options: words("HALF_EVEN", "HALF_UP", "DOWN", "UP"), Default: waterfall.Text("HALF_EVEN"),
		}, {
			Key: "billing.visible_to_customer", Title: "What customers see of their price",
			Description: "NONE: the amounts alone. FACTOR: the factor and its basis too. CHAIN: also which rules led to it.",
			Type:        waterfall.TypeEnum, Options: words("NONE", "FACTOR", "CHAIN"), Default: waterfall.Text("NONE"),
		}, {
			Key: "billing.source_cost_visible", Title: "Source cost visible to partners",
			Description: "Whether partners see what usage costs at the provider, without which they cannot price on it.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(true),
		}},
	}
}

func platform() section {
	return section{
		name: "platform", levels: toPlatform(), write: platformWrite,
		settings: []waterfall.Definition{{
			Key: "platform.self_service_signup", Title: "People sign up themselves",
			Description: "Whether anybody may make an account without an invitation.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "platform.self_service_organizations", Title: "People make organizations themselves",
			Description: "Whether a user may make an organization that nobody manages and becomes its owner.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "platform.activation_requires_payment_method", Title: "Activation needs a means of payment",
			Description: "Whether an organization that nobody manages becomes active only with a means of payment.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "platform.maintenance", Title: "Maintenance",
			Description: "Whether only administrators of the platform may change anything. Everybody can read and sign in.",
			Type:        waterfall.TypeBoolean, Default: waterfall.Boolean(false),
		}, {
			Key: "platform.public_name", Title: "Public name",
			Description: "What the platform calls itself on the login page and in mails, 1 to 100 bytes.",
			Type:        waterfall.TypeText, MaxLength: 100, CheckText: checkName, Default: waterfall.Text("Headwater"),
		}},
	}
}
