-- Which of an agent's processes speaks as a client, and which did before: by this, two at a time are told from a restart.
-- Written when another takes over, and by no contact after.
CREATE TABLE client_instance (
  client_id text        PRIMARY KEY,
  instance  text        NOT NULL,
  since     timestamptz NOT NULL,
  -- When it says that it sent what it took over with, by its own clock.
  sent_at   timestamptz,
  -- Where the broker says that it connects from, and what it says itself.
  address   text,
  ips       text[]      NOT NULL,
  -- Earlier ones, newest first.
  past      text[]      NOT NULL
) WITH (fillfactor = 80);

-- Clients that two machines speak as, until an administrator has decided.
CREATE TABLE client_copy (
  client_id   text        PRIMARY KEY,
  -- Of the fact.
  position    bigint      NOT NULL UNIQUE,
  detected_at timestamptz NOT NULL,
  -- The one that was there before the other comes first.
  instances   jsonb       NOT NULL
);

-- Until then the broker does not let in a key that opened far too many connections.
ALTER TABLE credential ADD COLUMN suspended_until timestamptz;
CREATE INDEX credential_suspended_idx ON credential (suspended_until) WHERE suspended_until IS NOT NULL;
