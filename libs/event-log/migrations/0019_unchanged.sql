-- Whether what was composed without the log's lock may be appended under it: see libs/event-log/src/lock-unchanged.ts,
-- which says why each of these facts does not matter. Called with the lock held, so nothing comes in between any more.
CREATE FUNCTION assert_unchanged(since bigint, clients text[], deadline timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF deadline <= clock_timestamp() OR EXISTS (
    SELECT FROM event
    WHERE position > since
      AND (client_id IS NULL OR client_id = ANY(clients))
      AND type NOT IN ('client-status-changed', 'client-addresses-changed', 'logs-received')
  ) THEN
    RAISE EXCEPTION 'What was read at position % has changed.', since USING ERRCODE = 'RB001';
  END IF;
END $$;
