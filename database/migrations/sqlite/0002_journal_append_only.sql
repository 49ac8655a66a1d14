-- The journal is append-only: no statement changes or removes what it says.
CREATE TRIGGER journal_entries_keep BEFORE UPDATE ON `journal_entries` BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_entries_stay BEFORE DELETE ON `journal_entries` BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_changes_keep BEFORE UPDATE ON `journal_changes` BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_changes_stay BEFORE DELETE ON `journal_changes` BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
