-- The log: lanes order it, facts and contacts are its two halves.

-- One row per lane. Appending takes this row's lock, so positions are dense and become visible in their order.
CREATE TABLE lane (
  id             smallint PRIMARY KEY,
  position       bigint   NOT NULL DEFAULT 0,
  -- Raised by every new owner; an append of an owner with an older term updates no row (fencing).
  owner_term     bigint   NOT NULL DEFAULT 0,
  -- The stream that feeds the lane: which incarnation of it, and how far it is consumed (the watermark).
  source_created text,
  source_epoch   integer  NOT NULL DEFAULT 0,
  source_seq     bigint   NOT NULL DEFAULT 0,
  -- Arrival of the last message consumed, in nanoseconds since 1970; tells a reused sequence number from the real one.
  source_time    bigint   NOT NULL DEFAULT 0,
  -- Arrival of the last tick consumed, likewise: how long no server was there to answer.
  source_tick    bigint   NOT NULL DEFAULT 0,
  -- The head that the owner found at its last append: it has drawn its conclusions from all facts up to here.
  seen_position  bigint   NOT NULL DEFAULT 0,
  -- When the owner last appended; another may take the lane when this is long ago.
  owner_seen_at  timestamptz NOT NULL DEFAULT '-infinity',
  -- How many ordinals have been given out.
  clients        integer  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO lane (id) VALUES (0);

CREATE TABLE event (
  lane           smallint    NOT NULL,
  position       bigint      NOT NULL,
  id             uuid        NOT NULL,
  stream         text        NOT NULL,
  version        integer     NOT NULL,
  type           text        NOT NULL,
  schema_version smallint    NOT NULL,
  client_id      text,
  recorded_at    timestamptz NOT NULL,
  data           jsonb       NOT NULL,
  meta           jsonb       NOT NULL,
  PRIMARY KEY (lane, position),
  CONSTRAINT event_id_key UNIQUE (id),
  CONSTRAINT event_stream_version_key UNIQUE (stream, version)
);
CREATE INDEX event_client_idx ON event (client_id, position) WHERE client_id IS NOT NULL;

-- One row per committed batch. `data` holds six bytes per contact: kind (1), client ordinal (3, big-endian), and
-- milliseconds after `at` (2, big-endian). Stored as it is: packing leaves nothing that compression would find.
CREATE TABLE contact_chunk (
  lane           smallint    NOT NULL,
  first_position bigint      NOT NULL,
  epoch          integer     NOT NULL,
  at             timestamptz NOT NULL,
  count          integer     NOT NULL,
  data           bytea       STORAGE EXTERNAL NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX contact_chunk_position_idx ON contact_chunk (lane, first_position);
CREATE INDEX contact_chunk_at_idx ON contact_chunk USING brin (at) WITH (pages_per_range = 16);

-- The partition of a day (UTC), made if it is missing.
CREATE FUNCTION ensure_contact_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition text := 'contact_chunk_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(partition) IS NULL THEN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF contact_chunk FOR VALUES FROM (%L) TO (%L)',
      partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
  END IF;
END $$;

CREATE FUNCTION contact_kind(code integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY['heartbeat', 'poll', 'register', 'start', 'reload', 'update', 'ack', 'logs', 'stop', 'uninstall'])[code]
$$;

-- Every contact, unpacked. OFFSET 0 keeps the planner from fetching `data` out of line once per contact.
CREATE VIEW contact AS
SELECT c.lane,
       c.first_position + i AS position,
       contact_kind(get_byte(c.data, 6 * i)) AS kind,
       (get_byte(c.data, 6 * i + 1) << 16) + (get_byte(c.data, 6 * i + 2) << 8) + get_byte(c.data, 6 * i + 3) AS ordinal,
       c.at + ((get_byte(c.data, 6 * i + 4) << 8) + get_byte(c.data, 6 * i + 5)) * interval '1 millisecond' AS at
FROM (SELECT lane, first_position, at, count, data || ''::bytea AS data FROM contact_chunk OFFSET 0) c
CROSS JOIN LATERAL generate_series(0, c.count - 1) AS i;

-- The presence owner's memory as of a position, every few minutes: what to start from before replaying the log. Block
-- -1 holds what is not kept by client, the others 65,536 clients each. Blocks of a position are written together.
CREATE TABLE presence_snapshot (
  lane     smallint    NOT NULL,
  position bigint      NOT NULL,
  block    integer     NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  data     bytea       STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (lane, position, block)
);

-- What agents sent that could not be read: counted by code, and sampled.
CREATE TABLE reject_count (
  code  text   PRIMARY KEY,
  count bigint NOT NULL
);
CREATE TABLE reject_sample (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  subject text        NOT NULL,
  code    text        NOT NULL,
  message text        NOT NULL,
  payload bytea       NOT NULL
);
