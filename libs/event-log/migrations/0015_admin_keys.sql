-- Administrators have keys with roles and groups; what was queued by one who has lost the right to it is held.

CREATE TABLE admin_key (
  id           text        PRIMARY KEY,
  name         text        NOT NULL,
  role         text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  -- The group that it is limited to, with all below it; '' is the fleet.
  group_path   text        NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   text        NOT NULL,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  -- Written when it is used and was not for five minutes.
  last_used_at timestamptz
);
CREATE UNIQUE INDEX admin_key_name_idx ON admin_key (name) WHERE revoked_at IS NULL;

-- What tells whether a key is the right one. No fact has it; gone when the key is revoked.
CREATE TABLE admin_key_hash (
  id   text PRIMARY KEY,
  hash text NOT NULL
);

ALTER TABLE release
  -- The group that whoever published it was limited to: it is for nobody elsewhere, whatever its target names.
  ADD COLUMN to_within   text,
  -- The key that answers for it: which published it, or resumed it when it was held.
  ADD COLUMN owner_key   text,
  -- Held, because that key has lost the right; it is paused as well.
  ADD COLUMN held_at     timestamptz,
  ADD COLUMN held_reason text;
CREATE INDEX release_owner_idx ON release (owner_key) WHERE owner_key IS NOT NULL AND withdrawn_at IS NULL;

ALTER TABLE settings_level
  -- The key that answers for the level as it is: which changed it last.
  ADD COLUMN owner_key   text,
  ADD COLUMN held_at     timestamptz,
  ADD COLUMN held_reason text;
CREATE INDEX settings_level_owner_idx ON settings_level (owner_key) WHERE owner_key IS NOT NULL;
CREATE INDEX settings_level_held_idx ON settings_level (scope, key) WHERE held_at IS NOT NULL;

-- The fact that last brought the client into another group: what is set there may be older, and new to it.
ALTER TABLE client ADD COLUMN moved_revision bigint NOT NULL DEFAULT 0;

-- The past of a group has the clients that were removed from it.
CREATE INDEX client_removed_group_idx ON client (group_path) WHERE removed_at IS NOT NULL;

-- As before, and within the group of whoever published it.
CREATE OR REPLACE FUNCTION release_verdicts(who text, chain text[], labels jsonb, installed jsonb)
RETURNS TABLE (release uuid, component text, version text, "position" bigint, deliver_by timestamptz, is_current boolean,
               paused_at timestamptz, rollout_from timestamptz, rollout_over bigint, verdict text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT r.id, r.component, r.version, r.position, r.deliver_by, r.is_current, r.paused_at, r.rollout_from,
         r.rollout_over, v.verdict
  FROM release r
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN installed->>r.component = r.version THEN 'acknowledged'
      WHEN r.withdrawn_at IS NOT NULL THEN 'withdrawn'
      WHEN NOT r.is_current THEN 'superseded'
      WHEN NOT r.is_newest AND EXISTS (
        SELECT FROM release n
        WHERE n.component = r.component AND n.position > r.position AND n.is_current
          AND (n.to_within IS NULL OR n.to_within = ANY(chain))
          AND (n.to_all
            OR (n.to_named AND EXISTS (SELECT FROM release_client t WHERE t.release = n.id AND t.client_id = who))
            OR (n.to_some AND (n.to_groups IS NULL OR n.to_groups && chain)
                          AND (n.to_labels IS NULL OR labels @> n.to_labels)))
      ) THEN 'superseded'
      WHEN r.is_before_withdrawn AND EXISTS (
        SELECT FROM release w
        WHERE w.component = r.component AND w.version = installed->>r.component
          AND w.position > r.position AND w.withdrawn_at IS NOT NULL
      ) THEN 'superseded'
    END AS verdict OFFSET 0
  ) v
  WHERE (r.to_within IS NULL OR r.to_within = ANY(chain))
    AND (r.to_all
      OR (r.to_named AND EXISTS (SELECT FROM release_client t WHERE t.release = r.id AND t.client_id = who))
      OR (r.to_some AND (r.to_groups IS NULL OR r.to_groups && chain) AND (r.to_labels IS NULL OR labels @> r.to_labels)))
$$;

-- As before; settings wait as a whole where a level that is held has something that the client has not confirmed.
CREATE OR REPLACE VIEW undelivered_work AS
SELECT c.id AS client_id, 'settings' AS kind, 'settings' AS key, e.revision::text AS revision,
       NULL::uuid AS release, NULL::timestamptz AS deliver_by, e.revision AS position,
       coalesce(d.state, 'pending') AS state, d.delivered_at, coalesce(d.attempts, 0) AS attempts, d.error, d.request,
       NOT EXISTS (
         SELECT FROM settings_level h
         WHERE h.held_at IS NOT NULL AND greatest(h.revision, c.moved_revision) > c.settings_revision
           AND (h.scope = 'fleet' OR (h.scope = 'client' AND h.key = c.id)
             OR (h.scope = 'group' AND h.key = ANY((SELECT g.chain FROM group_node g WHERE g.path = c.group_path)::text[])))
       ) AS is_deliverable
FROM client c
JOIN effective_revision e ON e.client_id = c.id
LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'settings' AND d.key = 'settings' AND d.revision = e.revision::text
WHERE c.removed_at IS NULL AND e.revision <> c.settings_revision
UNION ALL
SELECT s.client_id, 'update', s.component, s.version, s.release, s.deliver_by, s.position,
       s.state, s.delivered_at, s.attempts, s.error, s.request,
       s.paused_at IS NULL AND s.is_awaiting_admission IS NOT TRUE
         AND (s.deliver_by IS NULL OR s.deliver_by > statement_timestamp())
FROM release_standing s
WHERE s.is_current AND s.state IN ('pending', 'delivered', 'failed');

-- As before; groups also differ by the groups that releases are within.
CREATE OR REPLACE VIEW cohort_group AS
WITH bearing AS (
  SELECT path, bool_or(has_policy) AS has_policy FROM (
    SELECT unnest(to_groups) AS path, false AS has_policy FROM release
    UNION ALL
    SELECT to_within, false FROM release WHERE to_within IS NOT NULL
    UNION ALL
    SELECT key, true FROM settings_level WHERE scope = 'group' AND values ? 'reachback'
  ) b GROUP BY path
), chain AS (
  SELECT g.id, array_agg(u.path ORDER BY u.depth) AS paths,
         (array_agg(u.path ORDER BY u.depth DESC) FILTER (WHERE b.has_policy))[1] AS policy_group
  FROM group_node g
  CROSS JOIN LATERAL unnest(g.chain) WITH ORDINALITY AS u (path, depth)
  JOIN bearing b ON b.path = u.path
  GROUP BY g.id
)
SELECT g.id AS group_id, g.path, greatest(f.revision, g.chain_revision) AS above,
       coalesce(c.paths, '{}') AS chain, dense_rank() OVER (ORDER BY coalesce(c.paths, '{}')) AS class,
       coalesce(c.policy_group, '') AS policy_group
FROM group_node g
CROSS JOIN (SELECT revision FROM settings_level WHERE scope = 'fleet') f
LEFT JOIN chain c ON c.id = g.id;

-- As before, of a group and those below it ('' is all). The tally knows no groups: of a group, the clients in it are
-- counted one by one, which are those that confirmed a release that is over.
DROP FUNCTION release_counts(uuid);
CREATE FUNCTION release_counts(of_release uuid, within text DEFAULT '')
RETURNS TABLE (state text, kind_id integer, class bigint, policy_group text, who text, status text, network text,
               clients bigint)
LANGUAGE sql STABLE AS $$
  WITH cell AS MATERIALIZED (
    SELECT * FROM cohort_cells(within)
  ), standing AS MATERIALIZED (
    SELECT x.kind_id, x.class, k.who, release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by) AS state
    FROM (SELECT DISTINCT kind_id, class, chain FROM cell) x
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, x.chain, k.labels, k.installed) v
    WHERE v.release = of_release
  ), tally AS (
    SELECT acknowledged FROM release_tally WHERE release = of_release AND within = ''
    UNION ALL
    SELECT count(*) FROM delivery d
    JOIN client c ON c.id = d.client_id
    WHERE within <> '' AND d.release = of_release AND d.state = 'acknowledged' AND d.is_tallied
      AND (c.group_path = within OR starts_with(c.group_path, within || '/'))
  )
  SELECT s.state, c.kind_id, c.class, c.policy_group, s.who, o.status, o.network, c.clients
  FROM cell c
  JOIN standing s ON s.kind_id = c.kind_id AND s.class = c.class
  JOIN cohort_presence o ON o.id = c.presence_id
  UNION ALL
  SELECT v.state, NULL, NULL, NULL, NULL, NULL, NULL, v.sign * t.acknowledged
  FROM tally t
  JOIN release r ON r.id = of_release
  CROSS JOIN LATERAL (
    VALUES ('acknowledged', 1), (CASE WHEN r.withdrawn_at IS NULL THEN 'superseded' ELSE 'withdrawn' END, -1)
  ) AS v (state, sign)
$$;

-- As before; with the same target and within different groups, releases are for different clients.
CREATE OR REPLACE VIEW delivery_to_count AS
SELECT d.client_id, d.key, d.revision, d.state, d.is_tallied, r.id AS release,
       c.removed_at IS NULL AND d.revision IS DISTINCT FROM c.installed->>d.key AS is_beside,
       coalesce(i.position > r.position
         AND (i.to_all OR (i.target = r.target AND i.to_within IS NOT DISTINCT FROM r.to_within)), false) AS is_overtaken
FROM delivery d
JOIN client c ON c.id = d.client_id
JOIN release r ON r.component = d.key AND r.version = d.revision
LEFT JOIN release i ON i.component = d.key AND i.version = c.installed->>d.key
WHERE d.kind = 'update';
