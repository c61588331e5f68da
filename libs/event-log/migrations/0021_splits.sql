-- Who took over from one that speaks on: machines that came later, newest first.
ALTER TABLE client_instance ADD COLUMN copies text[] NOT NULL DEFAULT '{}';

-- By which tokens copies of clients may become clients of their own.
CREATE TABLE client_split (
  token      uuid        PRIMARY KEY,
  -- Of the fact that offered it.
  position   bigint      NOT NULL UNIQUE,
  -- Whose copy it is, and what its process calls itself.
  client_id  text        NOT NULL,
  instance   text        NOT NULL,
  -- The client that it may become.
  split_id   text        NOT NULL,
  -- Of the credential that both have; null where they did not enrol.
  public_key text,
  -- When it asked to be let in with a key of its own.
  split_at   timestamptz
);
CREATE INDEX client_split_instance_idx ON client_split (client_id, instance, position);
CREATE INDEX client_split_position_idx ON client_split (client_id, position);
CREATE INDEX client_split_id_idx ON client_split (split_id);
CREATE INDEX client_split_key_idx ON client_split (public_key);
