-- Who may connect: tokens that administrators make, what was asked with them, and the keys that were let in.
CREATE TABLE enrolment_token (
  id          uuid        PRIMARY KEY,
  -- Of the fact that made it.
  position    bigint      NOT NULL UNIQUE,
  -- Of the credential for the broker that the token carries.
  public_key  text        NOT NULL,
  client_id   text,
  group_path  text,
  labels      jsonb       NOT NULL,
  uses        integer     NOT NULL,
  used        integer     NOT NULL DEFAULT 0 CHECK (used <= uses),
  approval    boolean     NOT NULL,
  created_by  text        NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  deleted_at  timestamptz,
  -- SHA-256 of 32 random bytes. Of all columns the only one that is not in the log of facts.
  secret_hash bytea
);
CREATE INDEX enrolment_token_list_idx ON enrolment_token (position) WHERE deleted_at IS NULL;
CREATE INDEX enrolment_token_deleted_idx ON enrolment_token (expires_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE enrolment (
  id           uuid        PRIMARY KEY,
  position     bigint      NOT NULL UNIQUE,
  token        uuid        NOT NULL REFERENCES enrolment_token,
  client_id    text        NOT NULL,
  public_key   text        NOT NULL,
  address      text,
  state        text        NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
  requested_at timestamptz NOT NULL,
  decided_at   timestamptz,
  decided_by   text
);
CREATE INDEX enrolment_state_idx ON enrolment (state, position);
CREATE INDEX enrolment_key_idx ON enrolment (public_key, position);
CREATE INDEX enrolment_pending_idx ON enrolment (token) WHERE state = 'pending';

-- One row for each key that was ever let in. A key belongs to one client, for ever; once revoked it is never let in again.
CREATE TABLE credential (
  public_key text        PRIMARY KEY,
  client_id  text        NOT NULL,
  -- The last one; its token says the group and the labels of a client that registers.
  enrolment  uuid        NOT NULL REFERENCES enrolment,
  position   bigint      NOT NULL,
  issued_at  timestamptz NOT NULL,
  renewed_at timestamptz,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by text
);
CREATE INDEX credential_client_idx ON credential (client_id, position);
-- What the broker has to be told: the revoked ones that would not have expired by themselves.
CREATE INDEX credential_revoked_idx ON credential (expires_at) WHERE revoked_at IS NOT NULL;
