-- create "billing_profiles" table
CREATE TABLE `billing_profiles` (
  `id` uuid NOT NULL,
  `company` text NOT NULL,
  `address` json NOT NULL,
  `country` text NOT NULL,
  `vat_id` text NOT NULL,
  `email` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `billing_profiles_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "billing_profile_once" to table: "billing_profiles"
CREATE UNIQUE INDEX `billing_profile_once` ON `billing_profiles` (`organization_id`);
