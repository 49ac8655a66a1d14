-- add what is on statements beside lines to table: "statements"
ALTER TABLE `statements` ADD COLUMN `discount` text NOT NULL DEFAULT ('0');
ALTER TABLE `statements` ADD COLUMN `fees` text NOT NULL DEFAULT ('0');
ALTER TABLE `statements` ADD COLUMN `tax` text NOT NULL DEFAULT ('0');
-- create "credit_notes" table
CREATE TABLE `credit_notes` (
  `id` uuid NOT NULL,
  `number` integer NOT NULL,
  `currency` text NOT NULL,
  `untaxed` text NOT NULL,
  `tax` text NOT NULL,
  `total` text NOT NULL,
  `reason` text NOT NULL,
  `actor_id` uuid NULL,
  `created_at` datetime NOT NULL,
  `statement_id` uuid NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `credit_notes_statements_statement` FOREIGN KEY (`statement_id`) REFERENCES `statements` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `credit_notes_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `credit_notes_organizations_buyer` FOREIGN KEY (`buyer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "credit_note_number" to table: "credit_notes"
CREATE UNIQUE INDEX `credit_note_number` ON `credit_notes` (`seller_id`, `number`);
-- create index "creditnote_statement_id" to table: "credit_notes"
CREATE INDEX `creditnote_statement_id` ON `credit_notes` (`statement_id`);
-- create "credit_note_items" table
CREATE TABLE `credit_note_items` (
  `id` uuid NOT NULL,
  `position` integer NOT NULL,
  `kind` text NOT NULL,
  `label` text NOT NULL,
  `percent` text NULL,
  `amount` text NOT NULL,
  `credit_note_id` uuid NOT NULL,
  `tax_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `credit_note_items_credit_notes_items` FOREIGN KEY (`credit_note_id`) REFERENCES `credit_notes` (`id`) ON DELETE CASCADE,
  CONSTRAINT `credit_note_items_statement_items_tax` FOREIGN KEY (`tax_id`) REFERENCES `statement_items` (`id`) ON DELETE RESTRICT
);
-- create index "credit_note_item_position" to table: "credit_note_items"
CREATE UNIQUE INDEX `credit_note_item_position` ON `credit_note_items` (`credit_note_id`, `position`);
-- create "discounts" table
CREATE TABLE `discounts` (
  `id` uuid NOT NULL,
  `mode` text NOT NULL,
  `percent` text NULL,
  `value` text NULL,
  `currency` text NOT NULL,
  `value_used` text NOT NULL DEFAULT ('0'),
  `filters` json NOT NULL,
  `first_month` text NOT NULL,
  `last_month` text NULL,
  `description` text NOT NULL,
  `reason` text NOT NULL,
  `actor_id` uuid NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NULL,
  `voucher_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `discounts_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `discounts_organizations_buyer` FOREIGN KEY (`buyer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `discounts_vouchers_voucher` FOREIGN KEY (`voucher_id`) REFERENCES `vouchers` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `discount_is_of_its_mode` CHECK (((mode = 'RATE') = (percent IS NOT NULL)) AND ((mode = 'VALUE') = (value IS NOT NULL)))
);
-- create index "voucher_redeemed_once" to table: "discounts"
CREATE UNIQUE INDEX `voucher_redeemed_once` ON `discounts` (`voucher_id`, `buyer_id`) WHERE voucher_id IS NOT NULL;
-- create index "discount_seller_id" to table: "discounts"
CREATE INDEX `discount_seller_id` ON `discounts` (`seller_id`);
-- create index "discount_buyer_id" to table: "discounts"
CREATE INDEX `discount_buyer_id` ON `discounts` (`buyer_id`);
-- create "statement_items" table
CREATE TABLE `statement_items` (
  `id` uuid NOT NULL,
  `position` integer NOT NULL,
  `kind` text NOT NULL,
  `label` text NOT NULL,
  `percent` text NULL,
  `base` text NULL,
  `amount` text NOT NULL,
  `reverse_charge` bool NOT NULL DEFAULT (false),
  `statement_id` uuid NOT NULL,
  `discount_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `statement_items_statements_items` FOREIGN KEY (`statement_id`) REFERENCES `statements` (`id`) ON DELETE CASCADE,
  CONSTRAINT `statement_items_discounts_discount` FOREIGN KEY (`discount_id`) REFERENCES `discounts` (`id`) ON DELETE RESTRICT
);
-- create index "statement_item_position" to table: "statement_items"
CREATE UNIQUE INDEX `statement_item_position` ON `statement_items` (`statement_id`, `position`);
-- create "support_fees" table
CREATE TABLE `support_fees` (
  `id` uuid NOT NULL,
  `plan` text NOT NULL,
  `minimum` text NOT NULL,
  `currency` text NOT NULL,
  `percent` text NOT NULL,
  `first_month` text NOT NULL,
  `actor_id` uuid NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `support_fees_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "support_fee_version" to table: "support_fees"
CREATE UNIQUE INDEX `support_fee_version` ON `support_fees` (`seller_id`, `plan`, `version`);
-- create "tax_rates" table
CREATE TABLE `tax_rates` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `percent` text NOT NULL,
  `country` text NOT NULL,
  `reverse_charge` bool NOT NULL,
  `first_month` text NOT NULL,
  `last_month` text NULL,
  `actor_id` uuid NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `tax_rates_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `tax_rates_organizations_buyer` FOREIGN KEY (`buyer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "taxrate_seller_id" to table: "tax_rates"
CREATE INDEX `taxrate_seller_id` ON `tax_rates` (`seller_id`);
-- create index "taxrate_buyer_id" to table: "tax_rates"
CREATE INDEX `taxrate_buyer_id` ON `tax_rates` (`buyer_id`);
-- create "vouchers" table
CREATE TABLE `vouchers` (
  `id` uuid NOT NULL,
  `code_hash` text NOT NULL,
  `mode` text NOT NULL,
  `percent` text NULL,
  `value` text NULL,
  `currency` text NOT NULL,
  `filters` json NOT NULL,
  `months` integer NULL,
  `description` text NOT NULL,
  `redeemable_from` datetime NOT NULL,
  `redeemable_until` datetime NULL,
  `max_redemptions` integer NULL,
  `redemptions` integer NOT NULL DEFAULT (0),
  `actor_id` uuid NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `vouchers_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `voucher_is_of_its_mode` CHECK (((mode = 'RATE') = (percent IS NOT NULL)) AND ((mode = 'VALUE') = (value IS NOT NULL)))
);
-- create index "voucher_code" to table: "vouchers"
CREATE UNIQUE INDEX `voucher_code` ON `vouchers` (`code_hash`);
-- create index "voucher_seller_id" to table: "vouchers"
CREATE INDEX `voucher_seller_id` ON `vouchers` (`seller_id`);
