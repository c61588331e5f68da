-- How far the process that speaks has counted its requests: of every sixteenth at most, when it came, and when it says that it
-- sent it. By this, two machines are told apart of which one was copied while it ran.
ALTER TABLE client_instance
  ADD COLUMN sequence         integer,
  ADD COLUMN sequence_at      timestamptz,
  ADD COLUMN sequence_sent_at timestamptz;
