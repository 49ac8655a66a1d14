-- create "webhooks" table
CREATE TABLE "webhooks" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "url" character varying NOT NULL,
  "events" jsonb NOT NULL,
  "include_managed" boolean NOT NULL,
  "enabled" boolean NOT NULL DEFAULT true,
  "disabled_reason" character varying NULL,
  "secret" text NOT NULL,
  "former_secret" text NULL,
  "former_secret_until" timestamptz NULL,
  "failures" bigint NOT NULL DEFAULT 0,
  "failing_since" timestamptz NULL,
  "retry_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "webhooks_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "webhook_name" to table: "webhooks"
CREATE UNIQUE INDEX "webhook_name" ON "webhooks" ("organization_id", "name");
-- create "webhook_deliveries" table
CREATE TABLE "webhook_deliveries" (
  "id" uuid NOT NULL,
  "message_id" uuid NOT NULL,
  "event" character varying NOT NULL,
  "payload" text NOT NULL,
  "status" character varying NOT NULL,
  "attempts" bigint NOT NULL DEFAULT 0,
  "response_status" bigint NULL,
  "problem" character varying NULL,
  "next_attempt_at" timestamptz NULL,
  "finished_at" timestamptz NULL,
  "created_at" timestamptz NOT NULL,
  "webhook_id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "webhook_deliveries_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "webhook_deliveries_webhooks_deliveries" FOREIGN KEY ("webhook_id") REFERENCES "webhooks" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "webhook_delivery_waits" CHECK (((status)::text = 'PENDING'::text) = (next_attempt_at IS NOT NULL))
);
-- create index "webhook_delivery_age" to table: "webhook_deliveries"
CREATE INDEX "webhook_delivery_age" ON "webhook_deliveries" ("created_at") WHERE ((status)::text <> 'PENDING'::text);
-- create index "webhook_delivery_due" to table: "webhook_deliveries"
CREATE INDEX "webhook_delivery_due" ON "webhook_deliveries" ("next_attempt_at") WHERE ((status)::text = 'PENDING'::text);
-- create index "webhookdelivery_organization_id" to table: "webhook_deliveries"
CREATE INDEX "webhookdelivery_organization_id" ON "webhook_deliveries" ("organization_id");
-- create index "webhookdelivery_webhook_id" to table: "webhook_deliveries"
CREATE INDEX "webhookdelivery_webhook_id" ON "webhook_deliveries" ("webhook_id");
