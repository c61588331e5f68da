-- Direct clients are told of changes (R18). What is kept is how far a change has been told, not whom it is for.

-- Whom the server can dial: notifications and verifications page over these alone, however many it cannot.
CREATE INDEX presence_direct_idx ON presence (client_id) WHERE network = 'direct';

-- A change of the fleet's or a group's settings, or a release, that is being told to the direct clients it concerns;
-- gone when all were told. `cursor` is the id of the last client that is done with.
CREATE TABLE notification_round (
  position     bigint      PRIMARY KEY,
  reason       text        NOT NULL CHECK (reason IN ('settings', 'update')),
  -- The level that changed; a newer change of the same level takes the place of the older.
  level        text,
  component    text,
  release      uuid,
  cursor       text        NOT NULL DEFAULT '',
  -- Who works on it, fenced by this: a worker that lost the round finds no row.
  owner        uuid,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  CHECK ((reason = 'settings') = (level IS NOT NULL)),
  CHECK ((reason = 'update') = (component IS NOT NULL AND release IS NOT NULL))
);

-- Single clients to be told: those that did not answer, to be asked again, and those that a change is for alone.
-- `attempts` is how often they were asked in vain.
CREATE TABLE notification_due (
  client_id text        PRIMARY KEY,
  reason    text        NOT NULL CHECK (reason IN ('settings', 'update')),
  attempts  integer     NOT NULL,
  next_at   timestamptz NOT NULL
);
CREATE INDEX notification_due_next_idx ON notification_due (next_at);

-- What happened before there were notifications is not told: clients learn of it at their next contact.
INSERT INTO projection_checkpoint (name, version, lane, position)
SELECT 'notifications', 1, id, position FROM lane;
