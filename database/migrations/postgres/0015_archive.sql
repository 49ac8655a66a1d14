-- modify "usage_datasets" table
ALTER TABLE "usage_datasets" ADD COLUMN "archived_at" timestamptz NULL;
