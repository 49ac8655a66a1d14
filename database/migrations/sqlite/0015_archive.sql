-- add column "archived_at" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `archived_at` datetime NULL;
