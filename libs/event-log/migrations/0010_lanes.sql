-- One log, several lanes of intake: the head is a row of its own, and what is a lane's own stays in the lane's.

-- Appending takes this row's lock, so positions are dense over all lanes and become visible in their order. `lanes` is
-- how many there are; it is set once, when the first server starts.
CREATE TABLE log_head (
  only_row boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
  position bigint   NOT NULL,
  lanes    smallint CHECK (lanes BETWEEN 1 AND 256)
) WITH (fillfactor = 50);
INSERT INTO log_head (position, lanes)
SELECT position, CASE WHEN position > 0 OR clients > 0 OR source_created IS NOT NULL THEN 1 END FROM lane;
-- `owner` is the process that is to have the lane; that no other appends is up to `owner_term` alone.
ALTER TABLE lane
  DROP COLUMN position,
  ADD COLUMN owner       uuid,
  ADD COLUMN owner_since timestamptz;

-- Processes that take in contacts; each says every second that it is there.
CREATE TABLE intake_process (
  id         uuid        PRIMARY KEY,
  name       text        NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now()
);

-- A fact belongs to the lane of the client that it is about, or to the lane that it is about; the fleet's to none.
ALTER TABLE event DROP CONSTRAINT event_pkey, ALTER COLUMN lane DROP NOT NULL;
UPDATE event SET lane = NULL WHERE client_id IS NULL AND type NOT LIKE 'lane-%';
ALTER TABLE event ADD PRIMARY KEY (position);
-- A lane's own part of the log, in order.
CREATE INDEX event_lane_idx ON event (lane, position);

-- Followers follow the log, not a lane.
ALTER TABLE projection_checkpoint DROP COLUMN lane, ADD PRIMARY KEY (name, version);
ALTER TABLE projection_rebuild DROP COLUMN lane, ADD PRIMARY KEY (name);
