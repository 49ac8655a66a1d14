package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Session is one sign-in of a person, from which access tokens come until it
// ends. One that is an impersonation has another person behind it.
type Session struct{ ent.Schema }

// Fields of a session. A refresh token holds a part that is the same as long as
// the session lives and one that is new each time; an old one betrays itself by
// the first.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("user_id"),
		field.Enum("method").Values("PASSWORD", "OIDC", "IMPERSONATION"),
		// Whether a second factor was shown, or the provider vouches for one.
		field.Bool("mfa").Default(false),
		// The provider of OIDC, and the organization that the session is bound to.
		optionalReference("provider_id"),
		optionalReference("organization_id"),
		optionalReference("impersonator_id"),
		field.String("reason").Optional().MaxRuneLen(500),
		field.String("address").MaxLen(45),
		field.String("user_agent").MaxLen(500),
		field.String("family_hash").Optional().MaxLen(64).Sensitive(),
		field.String("refresh_hash").Optional().MaxLen(64).Sensitive(),
		field.Time("last_seen_at"),
		field.Time("expires_at"),
		field.Time("ended_at").Optional().Nillable(),
		field.Enum("end_reason").Values("SIGNED_OUT", "REVOKED", "REUSED", "REPLACED", "PASSWORD_CHANGED", "REMOVED").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a session.
func (Session) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("sessions").Field("user_id").Unique().Required(),
	}
}

// Indexes of a session.
func (Session) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "ended_at"),
		index.Fields("impersonator_id").Annotations(entsql.IndexWhere("impersonator_id IS NOT NULL")),
		index.Fields("provider_id").Annotations(entsql.IndexWhere("provider_id IS NOT NULL")),
	}
}

// Annotations of a session.
func (Session) Annotations() []entschema.Annotation { return table("sessions", nil) }

// SignInAttempts counts the failed sign-ins of one account or one address,
// whether or not there is such an account.
type SignInAttempts struct{ ent.Schema }

// Fields of sign-in attempts. The key is a hash of what is counted.
func (SignInAttempts) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").NotEmpty().MaxLen(64),
		field.Int("failures").NonNegative(),
		field.Time("retry_at"),
		field.Time("updated_at"),
	}
}

// Indexes of sign-in attempts.
func (SignInAttempts) Indexes() []ent.Index { return []ent.Index{index.Fields("updated_at")} }

// Annotations of sign-in attempts.
func (SignInAttempts) Annotations() []entschema.Annotation { return table("sign_in_attempts", nil) }

// SignInFlow is a sign-in through a provider that is under way: from the
// redirect to the provider until the client has taken the session.
type SignInFlow struct{ ent.Schema }

// Fields of a flow. It is found by the hash of its state, then by that of the
// code that the client takes the session with. The user is who links an account,
// and who signed in once the provider has answered.
func (SignInFlow) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("provider_id"),
		reference("organization_id"),
		field.String("state_hash").NotEmpty().MaxLen(64).Sensitive(),
		field.String("nonce").MaxLen(128).Sensitive(),
		field.String("verifier").MaxLen(128).Sensitive(),
		field.String("return_to").MaxLen(2000),
		field.Bool("linking").Default(false),
		optionalReference("user_id"),
		field.Bool("mfa").Default(false),
		field.String("code_hash").Optional().Nillable().MaxLen(64).Sensitive(),
		field.Time("expires_at"),
		createdAt(),
	}
}

// Indexes of a flow.
func (SignInFlow) Indexes() []ent.Index {
	return []ent.Index{index.Fields("state_hash").Unique(), index.Fields("code_hash").Unique(), index.Fields("expires_at")}
}

// Annotations of a flow.
func (SignInFlow) Annotations() []entschema.Annotation { return table("sign_in_flows", nil) }

// IdentityProvider is an organization's own OIDC provider.
type IdentityProvider struct{ ent.Schema }

// Fields of a provider. The client secret is sealed.
func (IdentityProvider) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("issuer").NotEmpty().MaxLen(500),
		field.String("client_id").NotEmpty().MaxLen(200),
		field.Text("client_secret").Optional().MaxLen(4000).Sensitive(),
		field.JSON("scopes", []string{}),
		field.Bool("enabled").Default(true),
		// Whether people whom the organization does not know become its members.
		field.Bool("creates_users").Default(false),
		// Whether its sign-ins count as with a second factor.
		field.Bool("vouches_for_mfa").Default(false),
		// The claim that lists groups, and the groups by its values.
		field.String("group_claim").MaxRuneLen(100),
		field.JSON("group_mapping", map[string]string{}),
		version(),
		createdAt(),
	}
}

// Edges of a provider.
func (IdentityProvider) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a provider.
func (IdentityProvider) Indexes() []ent.Index {
	return []ent.Index{index.Fields("organization_id", "name").Unique()}
}

// Annotations of a provider.
func (IdentityProvider) Annotations() []entschema.Annotation {
	return table("identity_providers", nil)
}

// LinkedIdentity is what a provider calls a person: the issuer and the subject
// of its tokens.
type LinkedIdentity struct{ ent.Schema }

// Fields of a linked identity.
func (LinkedIdentity) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("user_id"),
		reference("organization_id"),
		reference("provider_id"),
		field.String("issuer").NotEmpty().MaxLen(500),
		field.String("subject").NotEmpty().MaxLen(255),
		createdAt(),
	}
}

// Edges of a linked identity.
func (LinkedIdentity) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("user", User.Type).Field("user_id").Unique().Required().Annotations(cascade()),
		edge.To("provider", IdentityProvider.Type).Field("provider_id").Unique().Required().Annotations(cascade()),
	}
}

// Indexes of a linked identity.
func (LinkedIdentity) Indexes() []ent.Index {
	return []ent.Index{index.Fields("provider_id", "subject").Unique(), index.Fields("user_id")}
}

// Annotations of a linked identity.
func (LinkedIdentity) Annotations() []entschema.Annotation { return table("linked_identities", nil) }

// TrustedIssuer signs bearer tokens that an organization's people and
// applications call with.
type TrustedIssuer struct{ ent.Schema }

// Fields of a trusted issuer. Its keys are found at the address, or by
// discovery where there is none.
func (TrustedIssuer) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("issuer").NotEmpty().MaxLen(500),
		field.String("audience").NotEmpty().MaxLen(500),
		field.String("jwks_url").MaxLen(500),
		field.Bool("enabled").Default(true),
		version(),
		createdAt(),
	}
}

// Edges of a trusted issuer.
func (TrustedIssuer) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("subjects", TrustedSubject.Type).Annotations(cascade()),
	}
}

// Indexes of a trusted issuer. The issuer and the audience say whose a token is.
func (TrustedIssuer) Indexes() []ent.Index {
	return []ent.Index{index.Fields("issuer", "audience").Unique(), index.Fields("organization_id", "name").Unique()}
}

// Annotations of a trusted issuer.
func (TrustedIssuer) Annotations() []entschema.Annotation { return table("trusted_issuers", nil) }

// TrustedSubject is the member or application that the tokens of a trusted
// issuer with one subject stand for.
type TrustedSubject struct{ ent.Schema }

// Fields of a trusted subject.
func (TrustedSubject) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("issuer_id"),
		field.String("subject").NotEmpty().MaxLen(500),
		optionalReference("membership_id"),
		optionalReference("application_id"),
		createdAt(),
	}
}

// Edges of a trusted subject.
func (TrustedSubject) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("issuer", TrustedIssuer.Type).Ref("subjects").Field("issuer_id").Unique().Required(),
		edge.To("membership", Membership.Type).Field("membership_id").Unique().Annotations(cascade()),
		edge.To("application", Application.Type).Field("application_id").Unique().Annotations(cascade()),
	}
}

// Indexes of a trusted subject.
func (TrustedSubject) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("issuer_id", "subject").Unique(),
		index.Fields("membership_id"),
		index.Fields("application_id"),
	}
}

// Annotations of a trusted subject.
func (TrustedSubject) Annotations() []entschema.Annotation {
	return table("trusted_subjects", map[string]string{
		"trusted_subject_is_one_principal": "((membership_id IS NULL) <> (application_id IS NULL))",
	})
}
