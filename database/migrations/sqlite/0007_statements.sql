-- create "billing_months" table
CREATE TABLE `billing_months` (
  `id` uuid NOT NULL,
  `month` text NOT NULL,
  `status` text NOT NULL,
  `actor_id` uuid NULL,
  `closed_at` datetime NULL,
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `billing_months_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "billing_month_once" to table: "billing_months"
CREATE UNIQUE INDEX `billing_month_once` ON `billing_months` (`seller_id`, `month`);
-- create "statements" table
CREATE TABLE `statements` (
  `id` uuid NOT NULL,
  `month` text NOT NULL,
  `currency` text NOT NULL,
  `status` text NOT NULL,
  `number` integer NULL,
  `total` text NOT NULL,
  `issued_at` datetime NULL,
  `due_at` datetime NULL,
  `settled_at` datetime NULL,
  `payment_reference` text NOT NULL DEFAULT (''),
  `reason` text NOT NULL DEFAULT (''),
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `statements_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `statements_organizations_buyer` FOREIGN KEY (`buyer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `statement_has_a_number` CHECK ((status = 'CLOSED') = (number IS NULL))
);
-- create index "statement_once" to table: "statements"
CREATE UNIQUE INDEX `statement_once` ON `statements` (`seller_id`, `month`, `buyer_id`, `currency`);
-- create index "statement_number" to table: "statements"
CREATE UNIQUE INDEX `statement_number` ON `statements` (`seller_id`, `number`) WHERE number IS NOT NULL;
-- create index "statement_buyer_id_month" to table: "statements"
CREATE INDEX `statement_buyer_id_month` ON `statements` (`buyer_id`, `month`);
-- create "statement_lines" table
CREATE TABLE `statement_lines` (
  `id` uuid NOT NULL,
  `position` integer NOT NULL,
  `provider` text NOT NULL,
  `service` text NOT NULL,
  `charge_category` text NOT NULL,
  `exact_amount` text NOT NULL,
  `amount` text NOT NULL,
  `statement_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `statement_lines_statements_lines` FOREIGN KEY (`statement_id`) REFERENCES `statements` (`id`) ON DELETE CASCADE
);
-- create index "statement_line_position" to table: "statement_lines"
CREATE UNIQUE INDEX `statement_line_position` ON `statement_lines` (`statement_id`, `position`);
