-- The journal is append-only: no statement changes or removes what it says.
CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the journal is append-only';
END;
$$;
CREATE TRIGGER journal_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "journal_entries"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change();
CREATE TRIGGER journal_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "journal_changes"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change();
