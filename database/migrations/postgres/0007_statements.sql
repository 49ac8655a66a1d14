-- create "billing_months" table
CREATE TABLE "billing_months" (
  "id" uuid NOT NULL,
  "month" character varying(7) NOT NULL,
  "status" character varying NOT NULL,
  "actor_id" uuid NULL,
  "closed_at" timestamptz NULL,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "billing_months_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "billing_month_once" to table: "billing_months"
CREATE UNIQUE INDEX "billing_month_once" ON "billing_months" ("seller_id", "month");
-- create "statements" table
CREATE TABLE "statements" (
  "id" uuid NOT NULL,
  "month" character varying(7) NOT NULL,
  "currency" character varying NOT NULL,
  "status" character varying NOT NULL,
  "number" bigint NULL,
  "total" numeric(38,18) NOT NULL,
  "issued_at" timestamptz NULL,
  "due_at" timestamptz NULL,
  "settled_at" timestamptz NULL,
  "payment_reference" character varying NOT NULL DEFAULT '',
  "reason" character varying NOT NULL DEFAULT '',
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  "buyer_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "statements_organizations_buyer" FOREIGN KEY ("buyer_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "statements_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "statement_has_a_number" CHECK (((status)::text = 'CLOSED'::text) = (number IS NULL))
);
-- create index "statement_buyer_id_month" to table: "statements"
CREATE INDEX "statement_buyer_id_month" ON "statements" ("buyer_id", "month");
-- create index "statement_number" to table: "statements"
CREATE UNIQUE INDEX "statement_number" ON "statements" ("seller_id", "number") WHERE (number IS NOT NULL);
-- create index "statement_once" to table: "statements"
CREATE UNIQUE INDEX "statement_once" ON "statements" ("seller_id", "month", "buyer_id", "currency");
-- create "statement_lines" table
CREATE TABLE "statement_lines" (
  "id" uuid NOT NULL,
  "position" bigint NOT NULL,
  "provider" character varying NOT NULL,
  "service" character varying NOT NULL,
  "charge_category" character varying NOT NULL,
  "exact_amount" numeric(38,18) NOT NULL,
  "amount" numeric(38,18) NOT NULL,
  "statement_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "statement_lines_statements_lines" FOREIGN KEY ("statement_id") REFERENCES "statements" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "statement_line_position" to table: "statement_lines"
CREATE UNIQUE INDEX "statement_line_position" ON "statement_lines" ("statement_id", "position");
