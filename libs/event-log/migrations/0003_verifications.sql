-- Connection verifications (R19): all there were, and how far the one that runs has come.
CREATE TABLE verification (
  id           uuid        PRIMARY KEY,
  -- Of the fact that started it.
  position     bigint      NOT NULL UNIQUE,
  reason       text        NOT NULL CHECK (reason IN ('on-demand', 'scheduled')),
  requested_by text        NOT NULL,
  started_at   timestamptz NOT NULL,
  finished_at  timestamptz,
  -- Clients that can be asked and clients that cannot, counted when the first one is asked.
  direct       integer,
  skipped      integer,
  asked        integer     NOT NULL DEFAULT 0,
  answered     integer     NOT NULL DEFAULT 0,
  unanswered   integer     NOT NULL DEFAULT 0,
  -- The id of the last client that is done with.
  cursor       text        NOT NULL DEFAULT '',
  owner        uuid,
  leased_until timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE UNIQUE INDEX verification_running_idx ON verification ((finished_at IS NULL)) WHERE finished_at IS NULL;

-- When the last scheduled one started; before there was any, when the schedule began.
CREATE TABLE verification_schedule (
  only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  last_at  timestamptz NOT NULL
);
INSERT INTO verification_schedule (last_at) VALUES (now());
