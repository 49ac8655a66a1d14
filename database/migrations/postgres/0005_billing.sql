-- Lines say no longer whose they are: their rated lines do, by rating. Those of
-- before are of the first.
-- modify "usage_datasets" table
ALTER TABLE "usage_datasets" ADD COLUMN "rating" bigint NOT NULL DEFAULT 1, ADD COLUMN "rating_wanted" bigint NOT NULL DEFAULT 1, ADD COLUMN "rating_loading" bigint NOT NULL DEFAULT 0, ADD COLUMN "rating_reached" bigint NOT NULL DEFAULT 0, ADD COLUMN "rating_claim" bigint NOT NULL DEFAULT 0;
-- create index "usage_dataset_to_rate" to table: "usage_datasets"
CREATE INDEX "usage_dataset_to_rate" ON "usage_datasets" ("organization_id") WHERE ((status)::text = 'ACTIVE'::text) AND (rating <> rating_wanted);
-- modify "usage_mappings" table
ALTER TABLE "usage_mappings" ADD COLUMN "first_month" character varying(7) NOT NULL DEFAULT '', ADD COLUMN "last_month" character varying(7) NULL;
DROP INDEX "usagemapping_importer_id_sub_account_id_tag_key_tag_value";
-- create index "usage_mapping_pattern" to table: "usage_mappings"
CREATE UNIQUE INDEX "usage_mapping_pattern" ON "usage_mappings" ("importer_id", "sub_account_id", "tag_key", "tag_value", "first_month");
-- modify "cost_rollups" table
ALTER TABLE "cost_rollups" ADD COLUMN "rating" bigint NOT NULL DEFAULT 1;
ALTER TABLE "cost_rollups" ALTER COLUMN "rating" DROP DEFAULT;
DROP INDEX "costrollup_dataset_id";
-- create index "costrollup_dataset_id_rating" to table: "cost_rollups"
CREATE INDEX "costrollup_dataset_id_rating" ON "cost_rollups" ("dataset_id", "rating");
-- modify "rated_lines" table, whose positions count from the provider now
ALTER TABLE "rated_lines" ADD COLUMN "rating" bigint NOT NULL DEFAULT 1, ADD COLUMN "owner_id" uuid NULL, ADD COLUMN "group_id" uuid NULL, ADD COLUMN "attributed" boolean NOT NULL DEFAULT false, ALTER COLUMN "seller_id" DROP NOT NULL;
DROP INDEX "ratedline_dataset_id", "ratedline_usage_line_id_position";
UPDATE "rated_lines" r SET "position" = r."position" + 1, "owner_id" = l."organization_id", "group_id" = l."group_id", "attributed" = l."attributed"
FROM "usage_lines" l WHERE l."id" = r."usage_line_id";
-- what the importing organizations pay the providers
INSERT INTO "rated_lines" ("id", "usage_line_id", "position", "month", "buyer_id", "owner_id", "group_id", "attributed", "amount", "dataset_id")
SELECT (SELECT COALESCE(MAX("value"), 0) FROM "counters" WHERE "id" = 'rated_lines') + ROW_NUMBER() OVER (ORDER BY l."id"),
  l."id", 0, l."month", l."importer_id", l."organization_id", l."group_id", l."attributed", l."billed_cost", l."dataset_id"
FROM "usage_lines" l;
INSERT INTO "counters" ("id", "value", "instant") SELECT 'rated_lines', MAX("id"), 0 FROM "rated_lines" HAVING COUNT(*) > 0
ON CONFLICT ("id") DO UPDATE SET "value" = excluded."value";
ALTER TABLE "rated_lines" ALTER COLUMN "rating" DROP DEFAULT, ALTER COLUMN "attributed" DROP DEFAULT, ALTER COLUMN "owner_id" SET NOT NULL;
-- create index "ratedline_dataset_id_rating" to table: "rated_lines"
CREATE INDEX "ratedline_dataset_id_rating" ON "rated_lines" ("dataset_id", "rating");
-- create index "ratedline_usage_line_id_rating_position" to table: "rated_lines"
CREATE UNIQUE INDEX "ratedline_usage_line_id_rating_position" ON "rated_lines" ("usage_line_id", "rating", "position");
-- modify "usage_lines" table
DROP INDEX "usageline_dataset_id", "usageline_importer_id_month_id";
ALTER TABLE "usage_lines" DROP COLUMN "importer_id", DROP COLUMN "organization_id", DROP COLUMN "group_id", DROP COLUMN "attributed";
-- create index "usageline_dataset_id_id" to table: "usage_lines"
CREATE INDEX "usageline_dataset_id_id" ON "usage_lines" ("dataset_id", "id");
-- create "cloud_accounts" table
CREATE TABLE "cloud_accounts" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "provider" character varying NOT NULL,
  "provider_account_id" character varying NOT NULL,
  "status" character varying NOT NULL,
  "group_ids" jsonb NOT NULL,
  "credentials" text NOT NULL,
  "credentials_at" timestamptz NULL,
  "last_usage_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "importer_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "cloud_accounts_organizations_importer" FOREIGN KEY ("importer_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "cloud_accounts_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "cloud_account_active_has_importer" CHECK (((status)::text = 'ACTIVE'::text) = (importer_id IS NOT NULL))
);
-- create index "cloud_account_active" to table: "cloud_accounts"
CREATE UNIQUE INDEX "cloud_account_active" ON "cloud_accounts" ("provider", "provider_account_id") WHERE ((status)::text = 'ACTIVE'::text);
-- create index "cloudaccount_importer_id" to table: "cloud_accounts"
CREATE INDEX "cloudaccount_importer_id" ON "cloud_accounts" ("importer_id");
-- create index "cloudaccount_organization_id_name" to table: "cloud_accounts"
CREATE UNIQUE INDEX "cloudaccount_organization_id_name" ON "cloud_accounts" ("organization_id", "name");
