-- create "billing_contacts" table
CREATE TABLE `billing_contacts` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `email` text NOT NULL,
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `billing_contacts_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "billing_contact_email" to table: "billing_contacts"
CREATE UNIQUE INDEX `billing_contact_email` ON `billing_contacts` (`organization_id`, `email`);
-- create "budgets" table
CREATE TABLE `budgets` (
  `id` uuid NOT NULL,
  `currency` text NOT NULL,
  `amount` text NOT NULL,
  `enabled` bool NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `budgets_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "budget_of_organization" to table: "budgets"
CREATE UNIQUE INDEX `budget_of_organization` ON `budgets` (`organization_id`);
-- create "budget_alerts" table
CREATE TABLE `budget_alerts` (
  `id` uuid NOT NULL,
  `percent` text NOT NULL,
  `emails` json NOT NULL,
  `fired_month` text NULL,
  `fired_at` datetime NULL,
  `fired_spent` text NULL,
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  `budget_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `budget_alerts_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `budget_alerts_budgets_budget` FOREIGN KEY (`budget_id`) REFERENCES `budgets` (`id`) ON DELETE CASCADE
);
-- create index "budgetalert_budget_id" to table: "budget_alerts"
CREATE INDEX `budgetalert_budget_id` ON `budget_alerts` (`budget_id`);
-- create index "budgetalert_organization_id" to table: "budget_alerts"
CREATE INDEX `budgetalert_organization_id` ON `budget_alerts` (`organization_id`);
-- create "payment_methods" table
CREATE TABLE `payment_methods` (
  `id` uuid NOT NULL,
  `kind` text NOT NULL,
  `processor` text NOT NULL,
  `reference` text NOT NULL,
  `label` text NOT NULL,
  `last_month` text NULL,
  `is_default` bool NOT NULL,
  `expiry_told_at` datetime NULL,
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `payment_methods_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "payment_method_once" to table: "payment_methods"
CREATE UNIQUE INDEX `payment_method_once` ON `payment_methods` (`processor`, `reference`);
-- create index "payment_method_default" to table: "payment_methods"
CREATE UNIQUE INDEX `payment_method_default` ON `payment_methods` (`organization_id`) WHERE is_default;
-- create index "paymentmethod_organization_id" to table: "payment_methods"
CREATE INDEX `paymentmethod_organization_id` ON `payment_methods` (`organization_id`);
