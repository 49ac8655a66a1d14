-- modify "statements" table
ALTER TABLE "statements" ADD COLUMN "discount" numeric(38,18) NOT NULL DEFAULT 0, ADD COLUMN "fees" numeric(38,18) NOT NULL DEFAULT 0, ADD COLUMN "tax" numeric(38,18) NOT NULL DEFAULT 0;
-- create "credit_notes" table
CREATE TABLE "credit_notes" (
  "id" uuid NOT NULL,
  "number" bigint NOT NULL,
  "currency" character varying NOT NULL,
  "untaxed" numeric(38,18) NOT NULL,
  "tax" numeric(38,18) NOT NULL,
  "total" numeric(38,18) NOT NULL,
  "reason" character varying NOT NULL,
  "actor_id" uuid NULL,
  "created_at" timestamptz NOT NULL,
  "statement_id" uuid NOT NULL,
  "seller_id" uuid NOT NULL,
  "buyer_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "credit_notes_organizations_buyer" FOREIGN KEY ("buyer_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "credit_notes_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "credit_notes_statements_statement" FOREIGN KEY ("statement_id") REFERENCES "statements" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "credit_note_number" to table: "credit_notes"
CREATE UNIQUE INDEX "credit_note_number" ON "credit_notes" ("seller_id", "number");
-- create index "creditnote_statement_id" to table: "credit_notes"
CREATE INDEX "creditnote_statement_id" ON "credit_notes" ("statement_id");
-- create "vouchers" table
CREATE TABLE "vouchers" (
  "id" uuid NOT NULL,
  "code_hash" character varying NOT NULL,
  "mode" character varying NOT NULL,
  "percent" numeric(7,4) NULL,
  "value" numeric(38,18) NULL,
  "currency" character varying NOT NULL,
  "filters" jsonb NOT NULL,
  "months" bigint NULL,
  "description" character varying NOT NULL,
  "redeemable_from" timestamptz NOT NULL,
  "redeemable_until" timestamptz NULL,
  "max_redemptions" bigint NULL,
  "redemptions" bigint NOT NULL DEFAULT 0,
  "actor_id" uuid NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "vouchers_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "voucher_is_of_its_mode" CHECK ((((mode)::text = 'RATE'::text) = (percent IS NOT NULL)) AND (((mode)::text = 'VALUE'::text) = (value IS NOT NULL)))
);
-- create index "voucher_code" to table: "vouchers"
CREATE UNIQUE INDEX "voucher_code" ON "vouchers" ("code_hash");
-- create index "voucher_seller_id" to table: "vouchers"
CREATE INDEX "voucher_seller_id" ON "vouchers" ("seller_id");
-- create "discounts" table
CREATE TABLE "discounts" (
  "id" uuid NOT NULL,
  "mode" character varying NOT NULL,
  "percent" numeric(7,4) NULL,
  "value" numeric(38,18) NULL,
  "currency" character varying NOT NULL,
  "value_used" numeric(38,18) NOT NULL DEFAULT 0,
  "filters" jsonb NOT NULL,
  "first_month" character varying(7) NOT NULL,
  "last_month" character varying(7) NULL,
  "description" character varying NOT NULL,
  "reason" character varying NOT NULL,
  "actor_id" uuid NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  "buyer_id" uuid NULL,
  "voucher_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "discounts_organizations_buyer" FOREIGN KEY ("buyer_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "discounts_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "discounts_vouchers_voucher" FOREIGN KEY ("voucher_id") REFERENCES "vouchers" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "discount_is_of_its_mode" CHECK ((((mode)::text = 'RATE'::text) = (percent IS NOT NULL)) AND (((mode)::text = 'VALUE'::text) = (value IS NOT NULL)))
);
-- create index "discount_buyer_id" to table: "discounts"
CREATE INDEX "discount_buyer_id" ON "discounts" ("buyer_id");
-- create index "discount_seller_id" to table: "discounts"
CREATE INDEX "discount_seller_id" ON "discounts" ("seller_id");
-- create index "voucher_redeemed_once" to table: "discounts"
CREATE UNIQUE INDEX "voucher_redeemed_once" ON "discounts" ("voucher_id", "buyer_id") WHERE (voucher_id IS NOT NULL);
-- create "statement_items" table
CREATE TABLE "statement_items" (
  "id" uuid NOT NULL,
  "position" bigint NOT NULL,
  "kind" character varying NOT NULL,
  "label" character varying NOT NULL,
  "percent" numeric(7,4) NULL,
  "base" numeric(38,18) NULL,
  "amount" numeric(38,18) NOT NULL,
  "reverse_charge" boolean NOT NULL DEFAULT false,
  "statement_id" uuid NOT NULL,
  "discount_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "statement_items_discounts_discount" FOREIGN KEY ("discount_id") REFERENCES "discounts" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "statement_items_statements_items" FOREIGN KEY ("statement_id") REFERENCES "statements" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "statement_item_position" to table: "statement_items"
CREATE UNIQUE INDEX "statement_item_position" ON "statement_items" ("statement_id", "position");
-- create "credit_note_items" table
CREATE TABLE "credit_note_items" (
  "id" uuid NOT NULL,
  "position" bigint NOT NULL,
  "kind" character varying NOT NULL,
  "label" character varying NOT NULL,
  "percent" numeric(7,4) NULL,
  "amount" numeric(38,18) NOT NULL,
  "credit_note_id" uuid NOT NULL,
  "tax_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "credit_note_items_credit_notes_items" FOREIGN KEY ("credit_note_id") REFERENCES "credit_notes" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "credit_note_items_statement_items_tax" FOREIGN KEY ("tax_id") REFERENCES "statement_items" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "credit_note_item_position" to table: "credit_note_items"
CREATE UNIQUE INDEX "credit_note_item_position" ON "credit_note_items" ("credit_note_id", "position");
-- create "support_fees" table
CREATE TABLE "support_fees" (
  "id" uuid NOT NULL,
  "plan" character varying NOT NULL,
  "minimum" numeric(38,18) NOT NULL,
  "currency" character varying NOT NULL,
  "percent" numeric(7,4) NOT NULL,
  "first_month" character varying(7) NOT NULL,
  "actor_id" uuid NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "support_fees_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "support_fee_version" to table: "support_fees"
CREATE UNIQUE INDEX "support_fee_version" ON "support_fees" ("seller_id", "plan", "version");
-- create "tax_rates" table
CREATE TABLE "tax_rates" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "percent" numeric(7,4) NOT NULL,
  "country" character varying NOT NULL,
  "reverse_charge" boolean NOT NULL,
  "first_month" character varying(7) NOT NULL,
  "last_month" character varying(7) NULL,
  "actor_id" uuid NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "seller_id" uuid NOT NULL,
  "buyer_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "tax_rates_organizations_buyer" FOREIGN KEY ("buyer_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "tax_rates_organizations_seller" FOREIGN KEY ("seller_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "taxrate_buyer_id" to table: "tax_rates"
CREATE INDEX "taxrate_buyer_id" ON "tax_rates" ("buyer_id");
-- create index "taxrate_seller_id" to table: "tax_rates"
CREATE INDEX "taxrate_seller_id" ON "tax_rates" ("seller_id");
