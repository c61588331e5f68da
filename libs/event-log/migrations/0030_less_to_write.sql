-- Less is written for each fact (ADR 0019).

-- A fact had a place in a stream of its client: the version before it was looked up, and both stood in an index, the largest
-- of the log. Appends come one after the other by the log's lock, and what a fact was composed
-- from is compared by positions (`assert_unchanged`); so a position says all that a version did. What was appended before
-- keeps its own, for its hash is made of them (ADR 0012).
ALTER TABLE event
  DROP CONSTRAINT event_stream_version_key,
  ALTER COLUMN stream DROP NOT NULL,
  ALTER COLUMN version DROP NOT NULL;

-- An acknowledgement changed the state, which was in an index; so it moved its row, and wrote to both indexes. The index was
-- read for what is tallied only. With room in the page, the row stays where it is.
DROP INDEX delivery_release_idx;
CREATE INDEX delivery_tallied_idx ON delivery (release, client_id) WHERE is_tallied;
ALTER TABLE delivery SET (fillfactor = 75);
