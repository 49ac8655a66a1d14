-- create "billing_profiles" table
CREATE TABLE "billing_profiles" (
  "id" uuid NOT NULL,
  "company" character varying NOT NULL,
  "address" jsonb NOT NULL,
  "country" character varying NOT NULL,
  "vat_id" character varying NOT NULL,
  "email" character varying NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "billing_profiles_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "billing_profile_once" to table: "billing_profiles"
CREATE UNIQUE INDEX "billing_profile_once" ON "billing_profiles" ("organization_id");
