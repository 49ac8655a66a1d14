package catalogue_test

const overview = `authentication.methods | SET | SET | PLATFORM…PARTNER…ORGANIZATION | ["oidc","password"] | identity:write | identity:write
authentication.mfa_required | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | false | security:write | security:write
authentication.password_renewal_required | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | false | security:write | security:write
authentication.session_max_duration | DURATION | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | "P30D" | security:write | security:write
authentication.password_min_length | INTEGER | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | 12 | security:write | security:write
authentication.login_attempts_before_lock | INTEGER | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | 10 | security:write | security:write
authentication.grace_period | DURATION | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | "P3D" | security:write | security:write
authentication.api_key_max_duration | DURATION | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | "P36500D" unlimited | security:write | security:write
policies.no_root_access | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | false | settings:write | settings:write
policies.no_public_ip | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | false | settings:write | settings:write
policies.approved_regions | SET | SET | PLATFORM…PARTNER…ORGANIZATION | [] | settings:write | settings:write
policies.archive_cost_months | ENUM | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | 0 | settings:write | settings:write
members.administrators_manage_billing | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | true | groups:roles | groups:roles
members.administrators_manage_members | BOOLEAN | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | false | groups:roles | groups:roles
quotas.users | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.groups | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.applications | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.policies | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.api_keys | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.projects | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.ssh_keys | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
quotas.seats | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 2147483647 unlimited | partner:limits | partner:limits
variables | MAP | MAP | PLATFORM…PARTNER…ORGANIZATION…GROUP | {} | settings:write | settings:write
customize.theme | MAP | MAP | PLATFORM…PARTNER…ORGANIZATION…GROUP…USER | {} | settings:write | settings:write
customize.sidebar | LIST | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION…GROUP…USER | [] | settings:write | settings:write
customize.login_banner | OBJECT | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION | {} | settings:write | settings:write
customize.user_defaults | LIST | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION…GROUP | [] | settings:write | settings:write
customize.locale | TEXT | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION…GROUP…USER | "en" | settings:write | settings:write
customize.timezone | TEXT | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION…GROUP…USER | "UTC" | settings:write | settings:write
cloud.providers | SET | NARROWING_SET | PLATFORM…PARTNER…ORGANIZATION…GROUP | ["aws","azure","google","openstack","oracle"] | settings:write | partner:limits
cloud.instance_types | SET | NARROWING_SET | PLATFORM…PARTNER…ORGANIZATION…GROUP | [] | settings:write | partner:limits
cloud.instance_limits | MAP | NARROWING_MAP | PLATFORM…PARTNER…ORGANIZATION…GROUP | {} | settings:write | partner:limits
cloud.bootstrap_script | TEXT | OVERRIDE | PLATFORM…PARTNER…ORGANIZATION…GROUP | "" | settings:write | partner:limits
cloud.reservations | MAP | MAP | PLATFORM…PARTNER…ORGANIZATION…GROUP | {} | settings:write | partner:limits
billing.chain_mode | ENUM | OVERRIDE | PLATFORM…PARTNER | "SOURCE" | groups:roles | groups:roles
billing.currency | ENUM | OVERRIDE | PLATFORM…PARTNER | "USD" | groups:roles | groups:roles
billing.rounding | ENUM | OVERRIDE | PLATFORM…PARTNER | "HALF_EVEN" | groups:roles | groups:roles
billing.visible_to_customer | ENUM | OVERRIDE | PLATFORM…PARTNER | "NONE" | groups:roles | groups:roles
billing.source_cost_visible | BOOLEAN | OVERRIDE | PLATFORM…PARTNER | true | groups:roles | groups:roles
api.query_cost_limit | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 100000 | partner:limits | partner:limits
api.requests_per_minute | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 6000 | partner:limits | partner:limits
api.page_size_max | INTEGER | NARROWING_MAXIMUM | PLATFORM…PARTNER…ORGANIZATION | 100 | partner:limits | partner:limits
platform.self_service_signup | BOOLEAN | OVERRIDE | PLATFORM | false | platform:write | platform:write
platform.self_service_organizations | BOOLEAN | OVERRIDE | PLATFORM | false | platform:write | platform:write
platform.activation_requires_payment_method | BOOLEAN | OVERRIDE | PLATFORM | false | platform:write | platform:write
platform.maintenance | BOOLEAN | OVERRIDE | PLATFORM | false | platform:write | platform:write
platform.public_name | TEXT | OVERRIDE | PLATFORM | "Headwater" | platform:write | platform:write
`
