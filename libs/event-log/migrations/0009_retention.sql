-- Contacts are kept for some days, then a whole day's partition is dropped. What is left of the log says so.

-- What a lane has lost of its contacts.
CREATE TABLE contact_horizon (
  lane          smallint    PRIMARY KEY,
  -- Contacts up to here may be gone: presence can be recovered only from a snapshot that is not older.
  position      bigint      NOT NULL,
  -- All contacts that arrived from here on are there.
  contacts_from timestamptz NOT NULL
);

-- Days that are being dropped. Written before anything is, and deleted with the last of it, so that whoever comes after
-- a process that died in between goes on with them.
CREATE TABLE contact_drop (
  day          date        PRIMARY KEY,
  condemned_at timestamptz NOT NULL DEFAULT now()
);

-- The partition of a day (UTC), made if it is missing. A table that is attached takes a weaker lock on the log than one
-- made as a partition: it waits neither for those who read, a backup say, nor they for it. The advisory lock lets the
-- owners of several lanes, who come here at the same midnight, take turns.
CREATE OR REPLACE FUNCTION ensure_contact_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition text := 'contact_chunk_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(partition) IS NULL THEN
    PERFORM pg_advisory_xact_lock(7262002);
    IF to_regclass(partition) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE contact_chunk INCLUDING ALL)', partition);
      EXECUTE format('ALTER TABLE contact_chunk ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    END IF;
  END IF;
END $$;

-- Samples are pruned by their age.
CREATE INDEX reject_sample_at_idx ON reject_sample (at);
