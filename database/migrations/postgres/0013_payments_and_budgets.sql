-- create "billing_contacts" table
CREATE TABLE "billing_contacts" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "email" character varying NOT NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "billing_contacts_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "billing_contact_email" to table: "billing_contacts"
CREATE UNIQUE INDEX "billing_contact_email" ON "billing_contacts" ("organization_id", "email");
-- create "budgets" table
CREATE TABLE "budgets" (
  "id" uuid NOT NULL,
  "currency" character varying NOT NULL,
  "amount" numeric(38,18) NOT NULL,
  "enabled" boolean NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "budgets_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "budget_of_organization" to table: "budgets"
CREATE UNIQUE INDEX "budget_of_organization" ON "budgets" ("organization_id");
-- create "budget_alerts" table
CREATE TABLE "budget_alerts" (
  "id" uuid NOT NULL,
  "percent" numeric(38,18) NOT NULL,
  "emails" jsonb NOT NULL,
  "fired_month" character varying(7) NULL,
  "fired_at" timestamptz NULL,
  "fired_spent" numeric(38,18) NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "budget_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "budget_alerts_budgets_budget" FOREIGN KEY ("budget_id") REFERENCES "budgets" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "budget_alerts_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "budgetalert_budget_id" to table: "budget_alerts"
CREATE INDEX "budgetalert_budget_id" ON "budget_alerts" ("budget_id");
-- create index "budgetalert_organization_id" to table: "budget_alerts"
CREATE INDEX "budgetalert_organization_id" ON "budget_alerts" ("organization_id");
-- create "payment_methods" table
CREATE TABLE "payment_methods" (
  "id" uuid NOT NULL,
  "kind" character varying NOT NULL,
  "processor" character varying NOT NULL,
  "reference" character varying NOT NULL,
  "label" character varying NOT NULL,
  "last_month" character varying(7) NULL,
  "is_default" boolean NOT NULL,
  "expiry_told_at" timestamptz NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "payment_methods_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "payment_method_default" to table: "payment_methods"
CREATE UNIQUE INDEX "payment_method_default" ON "payment_methods" ("organization_id") WHERE is_default;
-- create index "payment_method_once" to table: "payment_methods"
CREATE UNIQUE INDEX "payment_method_once" ON "payment_methods" ("processor", "reference");
-- create index "paymentmethod_organization_id" to table: "payment_methods"
CREATE INDEX "paymentmethod_organization_id" ON "payment_methods" ("organization_id");
