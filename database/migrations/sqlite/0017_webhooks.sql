-- create "webhooks" table
CREATE TABLE `webhooks` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `url` text NOT NULL,
  `events` json NOT NULL,
  `include_managed` bool NOT NULL,
  `enabled` bool NOT NULL DEFAULT (true),
  `disabled_reason` text NULL,
  `secret` text NOT NULL,
  `former_secret` text NULL,
  `former_secret_until` datetime NULL,
  `failures` integer NOT NULL DEFAULT (0),
  `failing_since` datetime NULL,
  `retry_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `webhooks_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "webhook_name" to table: "webhooks"
CREATE UNIQUE INDEX `webhook_name` ON `webhooks` (`organization_id`, `name`);
-- create "webhook_deliveries" table
CREATE TABLE `webhook_deliveries` (
  `id` uuid NOT NULL,
  `message_id` uuid NOT NULL,
  `event` text NOT NULL,
  `payload` text NOT NULL,
  `status` text NOT NULL,
  `attempts` integer NOT NULL DEFAULT (0),
  `response_status` integer NULL,
  `problem` text NULL,
  `next_attempt_at` datetime NULL,
  `finished_at` datetime NULL,
  `created_at` datetime NOT NULL,
  `webhook_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `webhook_deliveries_webhooks_deliveries` FOREIGN KEY (`webhook_id`) REFERENCES `webhooks` (`id`) ON DELETE CASCADE,
  CONSTRAINT `webhook_deliveries_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `webhook_delivery_waits` CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL))
);
-- create index "webhookdelivery_webhook_id" to table: "webhook_deliveries"
CREATE INDEX `webhookdelivery_webhook_id` ON `webhook_deliveries` (`webhook_id`);
-- create index "webhookdelivery_organization_id" to table: "webhook_deliveries"
CREATE INDEX `webhookdelivery_organization_id` ON `webhook_deliveries` (`organization_id`);
-- create index "webhook_delivery_due" to table: "webhook_deliveries"
CREATE INDEX `webhook_delivery_due` ON `webhook_deliveries` (`next_attempt_at`) WHERE status = 'PENDING';
-- create index "webhook_delivery_age" to table: "webhook_deliveries"
CREATE INDEX `webhook_delivery_age` ON `webhook_deliveries` (`created_at`) WHERE status <> 'PENDING';
