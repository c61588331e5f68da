-- Follower `history`, version 2: the statuses of each client over time, and how many clients have each (G2). It fills
-- from the beginning of the log; until it is there, questions about the past answer that they cannot be answered yet.
DROP TABLE status_history;
DELETE FROM projection_checkpoint WHERE name = 'history';

-- The transitions that count. A later fact may give an earlier time (silence is noticed after its deadline): then what
-- it overtakes is taken out, so that the times of a client never go back as its positions go on.
CREATE TABLE status_history (
  client_id      text        NOT NULL,
  at             timestamptz NOT NULL,
  position       bigint      NOT NULL,
  status         text        NOT NULL,
  cause          text        NOT NULL,
  -- What the fleet counts it as from here on and up to here; null while it is not registered.
  counted        text,
  counted_before text,
  PRIMARY KEY (client_id, at, position)
);
CREATE INDEX status_history_at_idx ON status_history (at);

-- By how much the number of clients of each status changed in each hour and in each minute (`start` included, its end
-- not): the fleet at any time is a sum over hours, at most sixty minutes, and the transitions of one minute.
CREATE TABLE fleet_delta (
  span   text        NOT NULL CHECK (span IN ('hour', 'minute')),
  start  timestamptz NOT NULL,
  status text        NOT NULL,
  delta  integer     NOT NULL,
  PRIMARY KEY (span, start, status)
);

-- Rebuilds under way. The new tables fill in a schema of their own up to `position` while the old ones serve.
CREATE TABLE projection_rebuild (
  name       text        NOT NULL,
  lane       smallint    NOT NULL,
  position   bigint      NOT NULL DEFAULT 0,
  error      text,
  started_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, lane)
);
