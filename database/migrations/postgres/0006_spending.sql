-- modify "resources" table
ALTER TABLE "resources" ADD COLUMN "estimate" numeric(38,18) NULL, ADD COLUMN "estimate_unit" character varying(100) NOT NULL DEFAULT '';
-- create "allocations" table
CREATE TABLE "allocations" (
  "id" uuid NOT NULL,
  "unit" character varying NOT NULL,
  "period" character varying NOT NULL,
  "total" numeric(38,18) NOT NULL,
  "used" numeric(38,18) NOT NULL,
  "reserved" numeric(38,18) NOT NULL,
  "forecast" numeric(38,18) NULL,
  "period_start" timestamptz NULL,
  "shut_by" uuid NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "author_id" uuid NOT NULL,
  "group_id" uuid NULL,
  "parent_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "allocations_allocations_parts" FOREIGN KEY ("parent_id") REFERENCES "allocations" ("id") ON UPDATE NO ACTION ON DELETE SET NULL,
  CONSTRAINT "allocations_groups_group" FOREIGN KEY ("group_id") REFERENCES "groups" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "allocations_organizations_author" FOREIGN KEY ("author_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "allocations_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "allocation_author_id" to table: "allocations"
CREATE INDEX "allocation_author_id" ON "allocations" ("author_id");
-- create index "allocation_group_id" to table: "allocations"
CREATE INDEX "allocation_group_id" ON "allocations" ("group_id");
-- create index "allocation_of_group" to table: "allocations"
CREATE UNIQUE INDEX "allocation_of_group" ON "allocations" ("organization_id", "group_id", "author_id", "unit", "period") WHERE (group_id IS NOT NULL);
-- create index "allocation_of_organization" to table: "allocations"
CREATE UNIQUE INDEX "allocation_of_organization" ON "allocations" ("organization_id", "author_id", "unit", "period") WHERE (group_id IS NULL);
-- create index "allocation_parent_id" to table: "allocations"
CREATE INDEX "allocation_parent_id" ON "allocations" ("parent_id");
-- create "threshold_firings" table
CREATE TABLE "threshold_firings" (
  "id" uuid NOT NULL,
  "threshold_id" uuid NOT NULL,
  "threshold_name" character varying NOT NULL,
  "severity" character varying NOT NULL,
  "period" character varying NOT NULL,
  "used" numeric(38,18) NOT NULL,
  "total" numeric(38,18) NOT NULL,
  "rearmed_at" timestamptz NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "allocation_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "threshold_firings_allocations_allocation" FOREIGN KEY ("allocation_id") REFERENCES "allocations" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "threshold_firings_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "threshold_fires_once" to table: "threshold_firings"
CREATE UNIQUE INDEX "threshold_fires_once" ON "threshold_firings" ("allocation_id", "threshold_id", "period") WHERE (rearmed_at IS NULL);
-- create index "thresholdfiring_organization_id" to table: "threshold_firings"
CREATE INDEX "thresholdfiring_organization_id" ON "threshold_firings" ("organization_id");
-- create "thresholds" table
CREATE TABLE "thresholds" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "percent" numeric(38,18) NULL,
  "amount" numeric(38,18) NULL,
  "basis" character varying NOT NULL,
  "severity" character varying NOT NULL,
  "label_color" character varying NOT NULL,
  "description" character varying NOT NULL,
  "emails" jsonb NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "thresholds_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "threshold_is_percent_or_amount" CHECK ((percent IS NULL) <> (amount IS NULL))
);
-- create index "threshold_name" to table: "thresholds"
CREATE UNIQUE INDEX "threshold_name" ON "thresholds" ("organization_id", "name");
