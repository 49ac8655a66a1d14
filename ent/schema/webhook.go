package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Webhook is an address that is called when something happens to an
// organization.
type Webhook struct{ ent.Schema }

// Fields of a webhook. The secrets are sealed; see the package token. The former
// one signs beside the other until its end. While calls fail, none is made before
// retry_at.
func (Webhook) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("name").NotEmpty().MaxRuneLen(64),
		field.String("url").NotEmpty().MaxLen(500),
		field.JSON("events", []string{}),
		field.Bool("include_managed"),
		field.Bool("enabled").Default(true),
		field.Enum("disabled_reason").Values("GONE", "FAILING").Optional().Nillable(),
		field.Text("secret").Sensitive(),
		field.Text("former_secret").Optional().Sensitive(),
		field.Time("former_secret_until").Optional().Nillable(),
		field.Int("failures").Default(0).NonNegative(),
		field.Time("failing_since").Optional().Nillable(),
		field.Time("retry_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a webhook.
func (Webhook) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("deliveries", WebhookDelivery.Type).Annotations(cascade()),
	}
}

// Indexes of a webhook.
func (Webhook) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "name").Unique().StorageKey("webhook_name"),
	}
}

// Annotations of a webhook.
func (Webhook) Annotations() []entschema.Annotation { return table("webhooks", nil) }

// WebhookDelivery is one message to one webhook, until it has arrived or is given
// up.
type WebhookDelivery struct{ ent.Schema }

// Fields of a delivery. The message is the delivery that was the first to carry
// it, itself unless it is a replay; receivers know by it what came twice. The
// payload is what is sent, to the byte.
func (WebhookDelivery) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("webhook_id"),
		reference("message_id"),
		field.String("event").NotEmpty().MaxLen(64),
		field.Text("payload").Sensitive(),
		field.Enum("status").Values("PENDING", "DELIVERED", "FAILED"),
		field.Int("attempts").Default(0).NonNegative(),
		field.Int("response_status").Optional().Nillable(),
		field.Enum("problem").Values("UNREACHABLE", "TIMED_OUT", "REFUSED", "DISABLED", "UNREADABLE_SECRET").Optional().Nillable(),
		field.Time("next_attempt_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of a delivery.
func (WebhookDelivery) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("webhook", Webhook.Type).Ref("deliveries").Field("webhook_id").Unique().Required(),
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a delivery.
func (WebhookDelivery) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("webhook_id"),
		index.Fields("organization_id"),
		index.Fields("next_attempt_at").StorageKey("webhook_delivery_due").Annotations(entsql.IndexWhere("status = 'PENDING'")),
		index.Fields("created_at").StorageKey("webhook_delivery_age").Annotations(entsql.IndexWhere("status <> 'PENDING'")),
	}
}

// Annotations of a delivery.
func (WebhookDelivery) Annotations() []entschema.Annotation {
	return table("webhook_deliveries", map[string]string{
		"webhook_delivery_waits": "((status = 'PENDING') = (next_attempt_at IS NOT NULL))",
	})
}
