-- create index "creditnote_buyer_id" to table: "credit_notes"
CREATE INDEX `creditnote_buyer_id` ON `credit_notes` (`buyer_id`);
