-- How much was appended when, by the minute of its arrival, kept with every append: what a day adds to the log is a sum of
-- 1,440 rows in place of a look at a million chunks and half a million facts.

-- Takes a second or so where the log has chunks of two days. Minutes are kept for three days.
CREATE TABLE log_minute (
  minute   timestamptz PRIMARY KEY,
  contacts bigint      NOT NULL,
  facts    bigint      NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION note_appended(at timestamptz, more_contacts integer, more_facts integer) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO log_minute AS m (minute, contacts, facts) VALUES (date_trunc('minute', at, 'UTC'), more_contacts, more_facts)
  ON CONFLICT (minute) DO UPDATE SET contacts = m.contacts + excluded.contacts, facts = m.facts + excluded.facts
$$;

INSERT INTO log_minute (minute, contacts, facts)
SELECT minute, sum(contacts), sum(facts) FROM (
  SELECT date_trunc('minute', at, 'UTC') AS minute, count AS contacts, 0 AS facts FROM contact_chunk
  WHERE at >= (now() AT TIME ZONE 'UTC')::date::timestamp AT TIME ZONE 'UTC' - interval '1 day'
  UNION ALL
  SELECT date_trunc('minute', recorded_at, 'UTC'), 0, 1 FROM event WHERE recorded_at >= now() - interval '1 day'
) appended GROUP BY 1;
