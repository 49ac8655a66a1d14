-- drop index "usage_dataset_one_active" from table: "usage_datasets"
DROP INDEX `usage_dataset_one_active`;
-- add column "corrects" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `corrects` text NOT NULL DEFAULT '';
-- create index "usage_dataset_one_active" to table: "usage_datasets"
CREATE UNIQUE INDEX `usage_dataset_one_active` ON `usage_datasets` (`organization_id`, `provider`, `billing_account_id`, `month`, `part`, `corrects`) WHERE status = 'ACTIVE';
-- add column "price_month" to table: "usage_lines"
ALTER TABLE `usage_lines` ADD COLUMN `price_month` text NULL;
