package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// SupportPlanPeriod is a time in which an organization has a support plan. The
// periods of one organization follow each other without a gap; one in the future
// is a change that is planned.
type SupportPlanPeriod struct{ ent.Schema }

// Fields of a period. Without an end it lasts until the next begins.
func (SupportPlanPeriod) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.Enum("plan").Values("BASIC", "ADVANCED", "BUSINESS", "ENTERPRISE"),
		field.Time("starts_at"),
		field.Time("ends_at").Optional().Nillable(),
		reference("changed_by"),
		createdAt(),
	}
}

// Edges of a period.
func (SupportPlanPeriod) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
	}
}

// Indexes of a period. One period of an organization is open.
func (SupportPlanPeriod) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "starts_at").Unique(),
		index.Fields("organization_id").Unique().StorageKey("support_plan_one_open").Annotations(entsql.IndexWhere("ends_at IS NULL")),
	}
}

// Annotations of a period.
func (SupportPlanPeriod) Annotations() []entschema.Annotation {
	return table("support_plan_periods", nil)
}

// Ticket is a question to those who run the platform.
type Ticket struct{ ent.Schema }

// Fields of a ticket. Whoever opened it may be gone; the name says who it was.
func (Ticket) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		field.String("subject").NotEmpty().MaxRuneLen(200),
		field.String("product").MaxRuneLen(64),
		optionalReference("resource_id"),
		field.Enum("priority").Values("P1", "P2", "P3", "P4", "P5"),
		field.Enum("status").Values("OPEN", "WAITING_CUSTOMER", "RESOLVED", "CLOSED"),
		reference("created_by"),
		field.String("created_by_name").MaxRuneLen(200),
		field.Time("updated_at"),
		field.Time("closed_at").Optional().Nillable(),
		version(),
		createdAt(),
	}
}

// Edges of a ticket.
func (Ticket) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("organization", Organization.Type).Field("organization_id").Unique().Required().Annotations(restrict()),
		edge.To("resource", Resource.Type).Field("resource_id").Unique().Annotations(entsql.OnDelete(entsql.SetNull)),
		edge.To("messages", TicketMessage.Type).Annotations(cascade()),
	}
}

// Indexes of a ticket.
func (Ticket) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organization_id", "created_at"),
		index.Fields("created_by"),
		index.Fields("resource_id"),
	}
}

// Annotations of a ticket.
func (Ticket) Annotations() []entschema.Annotation { return table("tickets", nil) }

// TicketMessage is one text in a ticket.
type TicketMessage struct{ ent.Schema }

// Fields of a message.
func (TicketMessage) Fields() []ent.Field {
	return []ent.Field{
		identity(),
		reference("organization_id"),
		reference("ticket_id"),
		reference("author_id"),
		field.String("author_name").MaxRuneLen(200),
		// Whether it comes from those who run the platform.
		field.Bool("from_support").Default(false),
		field.Text("body").NotEmpty().MaxLen(20000),
		createdAt(),
	}
}

// Edges of a message.
func (TicketMessage) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("ticket", Ticket.Type).Ref("messages").Field("ticket_id").Unique().Required(),
	}
}

// Indexes of a message.
func (TicketMessage) Indexes() []ent.Index {
	return []ent.Index{index.Fields("ticket_id", "created_at")}
}

// Annotations of a message.
func (TicketMessage) Annotations() []entschema.Annotation { return table("ticket_messages", nil) }
