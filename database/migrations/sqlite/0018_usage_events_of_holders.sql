-- create index "usageevent_owner_id_started_at" to table: "usage_events"
CREATE INDEX `usageevent_owner_id_started_at` ON `usage_events` (`owner_id`, `started_at`);
-- create index "usageevent_group_id_started_at" to table: "usage_events"
CREATE INDEX `usageevent_group_id_started_at` ON `usage_events` (`group_id`, `started_at`);
