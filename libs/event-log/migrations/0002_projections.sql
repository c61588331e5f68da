-- What the facts add up to. Inline projections (client, presence, delivery) commit with the facts they apply.

CREATE TABLE client (
  id                  text        PRIMARY KEY,
  lane                smallint    NOT NULL,
  ordinal             integer     NOT NULL CHECK (ordinal BETWEEN 0 AND 16777215),
  name                text,
  group_path          text        NOT NULL,
  labels              jsonb       NOT NULL,
  ips                 text[]      NOT NULL,
  agent_version       text,
  installed           jsonb       NOT NULL,
  -- The settings revision the client has confirmed; 0 is none.
  settings_revision   bigint      NOT NULL DEFAULT 0,
  -- The last fact that touched the client's own part of its settings: its own level, or a move to another group.
  own_revision        bigint      NOT NULL DEFAULT 0,
  registered_at       timestamptz NOT NULL,
  removed_at          timestamptz,
  CONSTRAINT client_ordinal_key UNIQUE (lane, ordinal)
);
CREATE INDEX client_group_idx ON client (group_path text_pattern_ops, id) WHERE removed_at IS NULL;

CREATE TABLE presence (
  client_id    text        PRIMARY KEY,
  status       text        NOT NULL,
  cause        text        NOT NULL,
  since        timestamptz NOT NULL,
  network      text        NOT NULL,
  network_name text
) WITH (fillfactor = 70);
CREATE INDEX presence_status_idx ON presence (status, client_id);

-- Settings of each level that has any; `key` is '' for the fleet, a group's path, or a client's id.
CREATE TABLE settings_level (
  scope      text        NOT NULL,
  key        text        NOT NULL,
  values     jsonb       NOT NULL,
  revision   bigint      NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);
INSERT INTO settings_level (scope, key, values, revision, changed_at) VALUES
  ('fleet', '', '{"reachback": {"heartbeat": {"enabled": true, "scope": "unreachable", "interval": "PT1M"},
                                "poll": {"enabled": true, "interval": "PT5M"}, "offlineAfter": "PT3M"}}', 0, now());

-- Every group that has clients or settings, with the newest revision of it and its ancestors.
CREATE TABLE group_node (
  path           text   PRIMARY KEY,
  chain_revision bigint NOT NULL
);
INSERT INTO group_node (path, chain_revision) VALUES ('', 0);

CREATE TABLE network_set (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint  NOT NULL,
  networks jsonb   NOT NULL
);
INSERT INTO network_set (revision, networks) VALUES (0, '[]');

CREATE TABLE release (
  id           uuid        PRIMARY KEY,
  position     bigint      NOT NULL,
  component    text        NOT NULL,
  version      text        NOT NULL,
  url          text        NOT NULL,
  sha256       text        NOT NULL,
  size         bigint      NOT NULL,
  target       jsonb       NOT NULL,
  deliver_by   timestamptz,
  published_at timestamptz NOT NULL,
  CONSTRAINT release_component_version_key UNIQUE (component, version)
);
CREATE INDEX release_component_idx ON release (component, position DESC);

-- A row appears when something happens to a piece of a client's work.
CREATE TABLE delivery (
  client_id    text        NOT NULL,
  kind         text        NOT NULL,
  key          text        NOT NULL,
  revision     text        NOT NULL,
  release      uuid,
  state        text        NOT NULL CHECK (state IN ('delivered', 'acknowledged', 'failed')),
  attempts     integer     NOT NULL,
  delivered_at timestamptz,
  settled_at   timestamptz,
  error        text,
  -- Message id of the request that last carried it: the same request again is not another attempt (G7).
  request      text,
  PRIMARY KEY (client_id, kind, key, revision)
);
CREATE INDEX delivery_release_idx ON delivery (release, state) WHERE release IS NOT NULL;

-- Whether a release is for a client: everybody; or the clients it names, and those in its groups that carry its labels.
CREATE FUNCTION release_targets(target jsonb, client_id text, group_path text, labels jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce((target->>'all')::boolean, false)
      OR coalesce(target->'clients' ? client_id, false)
      OR ((target ? 'groups' OR target ? 'labels')
          AND (NOT target ? 'groups' OR EXISTS (
                SELECT FROM jsonb_array_elements_text(target->'groups') g
                WHERE g = '' OR group_path = g OR starts_with(group_path, g || '/')))
          AND (NOT target ? 'labels' OR labels @> (target->'labels')))
$$;

-- The newest settings revision that applies to each client.
CREATE VIEW effective_revision AS
SELECT c.id AS client_id, greatest(f.revision, g.chain_revision, c.own_revision) AS revision
FROM client c
JOIN group_node g ON g.path = c.group_path
CROSS JOIN (SELECT revision FROM settings_level WHERE scope = 'fleet') f;

-- Each client's queue: what it should have, less what it has confirmed. Nobody writes these rows; they are the
-- difference itself, so superseded work is gone by construction (G4) and publishing to a million is one fact.
CREATE VIEW undelivered_work AS
SELECT c.id AS client_id, 'settings' AS kind, 'settings' AS key, e.revision::text AS revision,
       NULL::uuid AS release, NULL::timestamptz AS deliver_by, e.revision AS position,
       coalesce(d.state, 'pending') AS state, d.delivered_at, coalesce(d.attempts, 0) AS attempts, d.error, d.request
FROM client c
JOIN effective_revision e ON e.client_id = c.id
LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'settings' AND d.key = 'settings' AND d.revision = e.revision::text
WHERE c.removed_at IS NULL AND e.revision <> c.settings_revision
UNION ALL
SELECT c.id, 'update', r.component, r.version, r.id, r.deliver_by, r.position,
       coalesce(d.state, 'pending'), d.delivered_at, coalesce(d.attempts, 0), d.error, d.request
FROM client c
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (r.component) r.*
  FROM release r
  WHERE release_targets(r.target, c.id, c.group_path, c.labels)
  ORDER BY r.component, r.position DESC
) r
LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'update' AND d.key = r.component AND d.revision = r.version
WHERE c.removed_at IS NULL
  AND (c.installed->>r.component) IS DISTINCT FROM r.version
  AND d.state IS DISTINCT FROM 'acknowledged'
  AND (r.deliver_by IS NULL OR r.deliver_by > now());

-- Followers of the log keep their place here; it moves by compare-and-set in the transaction that applies a batch.
CREATE TABLE projection_checkpoint (
  name       text        NOT NULL,
  version    integer     NOT NULL,
  lane       smallint    NOT NULL,
  position   bigint      NOT NULL,
  error      text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version, lane)
);

-- Follower `history`: every transition of every client (G2).
CREATE TABLE status_history (
  client_id text        NOT NULL,
  position  bigint      NOT NULL,
  at        timestamptz NOT NULL,
  status    text        NOT NULL,
  cause     text        NOT NULL,
  PRIMARY KEY (client_id, position)
);

-- Replies to REST writes that carried an Idempotency-Key.
CREATE TABLE idempotent_reply (
  key          text        PRIMARY KEY,
  request_hash text        NOT NULL,
  status       integer     NOT NULL,
  headers      jsonb       NOT NULL,
  body         jsonb,
  created_at   timestamptz NOT NULL DEFAULT now()
);
