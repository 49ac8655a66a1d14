-- drop index "usage_dataset_one_active" from table: "usage_datasets"
DROP INDEX "usage_dataset_one_active";
-- modify "usage_datasets" table
ALTER TABLE "usage_datasets" ADD COLUMN "part" bigint NOT NULL DEFAULT 0;
-- create index "usage_dataset_one_active" to table: "usage_datasets"
CREATE UNIQUE INDEX "usage_dataset_one_active" ON "usage_datasets" ("organization_id", "provider", "billing_account_id", "month", "part") WHERE ((status)::text = 'ACTIVE'::text);
-- create "usage_events" table
CREATE TABLE "usage_events" (
  "id" uuid NOT NULL,
  "idempotency_key" character varying NOT NULL,
  "owner_id" uuid NOT NULL,
  "group_id" uuid NULL,
  "project_name" character varying NOT NULL,
  "user_name" character varying NOT NULL,
  "quantity" numeric(38,18) NOT NULL,
  "rate" numeric(38,18) NOT NULL,
  "unit_rate" numeric(38,18) NOT NULL,
  "amount" numeric(38,18) NOT NULL,
  "currency" character varying NOT NULL,
  "started_at" timestamptz NOT NULL,
  "ended_at" timestamptz NOT NULL,
  "tags" jsonb NOT NULL,
  "month" character varying(7) NOT NULL,
  "dataset_id" bigint NOT NULL,
  "usage_line_id" bigint NOT NULL,
  "actor_id" uuid NULL,
  "created_at" timestamptz NOT NULL,
  "sku_id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "corrects_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "usage_events_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "usage_events_skus_events" FOREIGN KEY ("sku_id") REFERENCES "skus" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "usage_events_usage_events_corrections" FOREIGN KEY ("corrects_id") REFERENCES "usage_events" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "usage_event_key" to table: "usage_events"
CREATE UNIQUE INDEX "usage_event_key" ON "usage_events" ("organization_id", "idempotency_key");
-- create index "usageevent_corrects_id" to table: "usage_events"
CREATE INDEX "usageevent_corrects_id" ON "usage_events" ("corrects_id");
-- create index "usageevent_dataset_id" to table: "usage_events"
CREATE INDEX "usageevent_dataset_id" ON "usage_events" ("dataset_id");
-- create index "usageevent_organization_id_month" to table: "usage_events"
CREATE INDEX "usageevent_organization_id_month" ON "usage_events" ("organization_id", "month");
-- create index "usageevent_sku_id" to table: "usage_events"
CREATE INDEX "usageevent_sku_id" ON "usage_events" ("sku_id");
-- create index "usageevent_usage_line_id" to table: "usage_events"
CREATE UNIQUE INDEX "usageevent_usage_line_id" ON "usage_events" ("usage_line_id");
