-- drop index "usage_dataset_one_active" from table: "usage_datasets"
DROP INDEX "usage_dataset_one_active";
-- modify "usage_datasets" table
ALTER TABLE "usage_datasets" ADD COLUMN "corrects" character varying(7) NOT NULL DEFAULT '';
-- create index "usage_dataset_one_active" to table: "usage_datasets"
CREATE UNIQUE INDEX "usage_dataset_one_active" ON "usage_datasets" ("organization_id", "provider", "billing_account_id", "month", "part", "corrects") WHERE ((status)::text = 'ACTIVE'::text);
-- modify "usage_lines" table
ALTER TABLE "usage_lines" ADD COLUMN "price_month" character varying(7) NULL;
