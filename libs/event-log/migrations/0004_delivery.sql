-- Releases that are paused, withdrawn or rolled out over time; and one definition of where a client stands with one.

-- A group's path and those of the groups above it, the root first: `paris/desktops` is in '', paris and itself.
CREATE FUNCTION group_chain(path text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY[''] || ARRAY(SELECT array_to_string(names[1:i], '/') FROM generate_subscripts(names, 1) AS i)
  FROM string_to_array(path, '/') AS names
$$;
ALTER TABLE group_node ADD COLUMN chain text[] NOT NULL GENERATED ALWAYS AS (group_chain(path)) STORED;

CREATE FUNCTION text_array(list jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN list IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(list)) END
$$;

ALTER TABLE release
  -- The target in a form that a query over a million clients checks without calling a function.
  ADD COLUMN to_all    boolean NOT NULL GENERATED ALWAYS AS (coalesce((target->>'all')::boolean, false)) STORED,
  ADD COLUMN to_named  boolean NOT NULL GENERATED ALWAYS AS (target ? 'clients') STORED,
  ADD COLUMN to_some   boolean NOT NULL GENERATED ALWAYS AS (target ? 'groups' OR target ? 'labels') STORED,
  ADD COLUMN to_groups text[]  GENERATED ALWAYS AS (text_array(target->'groups')) STORED,
  ADD COLUMN to_labels jsonb   GENERATED ALWAYS AS (target->'labels') STORED,
  -- Milliseconds over which clients are admitted one after another; null is all at once.
  ADD COLUMN rollout_over bigint,
  -- When the rollout would have begun had it never been paused: a resumption moves it by the length of the pause.
  ADD COLUMN rollout_from timestamptz,
  ADD COLUMN paused_at    timestamptz,
  ADD COLUMN withdrawn_at timestamptz,
  -- Kept with every publication and withdrawal, so that no client pays for a component's past. `is_current`: it can be
  -- the newest for somebody; it is not withdrawn, and none for everybody came after it. `is_newest`: it is the newest
  -- for all it is for. `is_before_withdrawn`: one that came after it was withdrawn, and may be installed somewhere.
  ADD COLUMN is_current          boolean NOT NULL DEFAULT true,
  ADD COLUMN is_newest           boolean NOT NULL DEFAULT true,
  ADD COLUMN is_before_withdrawn boolean NOT NULL DEFAULT false;
UPDATE release SET rollout_from = published_at;
ALTER TABLE release ALTER COLUMN rollout_from SET NOT NULL;
CREATE INDEX release_current_idx ON release (component, position DESC) WHERE is_current;

-- The clients that a release names.
CREATE TABLE release_client (
  release   uuid NOT NULL,
  client_id text NOT NULL,
  PRIMARY KEY (release, client_id)
);
INSERT INTO release_client
SELECT id, jsonb_array_elements_text(target->'clients') FROM release WHERE to_named ON CONFLICT DO NOTHING;

-- Orders the releases of a component anew.
CREATE FUNCTION order_releases(of_component text) RETURNS void LANGUAGE sql AS $$
  UPDATE release r
  SET is_current = o.is_current, is_newest = o.is_newest, is_before_withdrawn = o.is_before_withdrawn
  FROM (
    SELECT id,
           withdrawn_at IS NULL AND NOT coalesce(bool_or(to_all AND withdrawn_at IS NULL) OVER newer, false) AS is_current,
           withdrawn_at IS NULL AND NOT coalesce(bool_or(withdrawn_at IS NULL) OVER newer, false) AS is_newest,
           coalesce(bool_or(withdrawn_at IS NOT NULL) OVER newer, false) AS is_before_withdrawn
    FROM release WHERE component = of_component
    WINDOW newer AS (ORDER BY position DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  ) o
  WHERE r.id = o.id
    AND (r.is_current, r.is_newest, r.is_before_withdrawn) IS DISTINCT FROM (o.is_current, o.is_newest, o.is_before_withdrawn)
$$;
SELECT order_releases(component) FROM (SELECT DISTINCT component FROM release) components;

-- A client's place in every rollout, from 0 to 1: the same for ever, and even over any fleet.
CREATE FUNCTION rollout_place(client_id text) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || left(encode(sha256(client_id::bytea), 'hex'), 8))::bit(32)::bigint / 4294967296.0::double precision
$$;

-- Where each client stands with each release that is for it. In this order: it has it; the release was withdrawn; a
-- newer one that applies took its place, or a newer one since withdrawn is installed (nothing is rolled back); it is on
-- its way, for which the deadline has no meaning any more; it is too late for it (G5); else what happened last.
--
-- OFFSET 0 has the state computed once for each row, not once for each mention.
CREATE VIEW release_standing AS
SELECT r.id AS release, c.id AS client_id, c.group_path, r.component, r.version, r.position, r.deliver_by, r.is_current,
       r.paused_at, a.admitted_at, coalesce(r.paused_at, statement_timestamp()) < a.admitted_at AS is_awaiting_admission,
       d.delivered_at, coalesce(d.attempts, 0) AS attempts, d.error, d.request, s.state
FROM client c
JOIN group_node g ON g.path = c.group_path
JOIN release r
  ON r.to_all
  OR (r.to_named AND EXISTS (SELECT FROM release_client t WHERE t.release = r.id AND t.client_id = c.id))
  OR (r.to_some AND (r.to_groups IS NULL OR r.to_groups && g.chain) AND (r.to_labels IS NULL OR c.labels @> r.to_labels))
LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'update' AND d.key = r.component AND d.revision = r.version
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN d.state = 'acknowledged' OR c.installed->>r.component = r.version THEN 'acknowledged'
    WHEN r.withdrawn_at IS NOT NULL THEN 'withdrawn'
    WHEN NOT r.is_current THEN 'superseded'
    WHEN NOT r.is_newest AND EXISTS (
      SELECT FROM release n
      WHERE n.component = r.component AND n.position > r.position AND n.is_current
        AND (n.to_all
          OR (n.to_named AND EXISTS (SELECT FROM release_client t WHERE t.release = n.id AND t.client_id = c.id))
          OR (n.to_some AND (n.to_groups IS NULL OR n.to_groups && g.chain)
                        AND (n.to_labels IS NULL OR c.labels @> n.to_labels)))
    ) THEN 'superseded'
    WHEN r.is_before_withdrawn AND EXISTS (
      SELECT FROM release w
      WHERE w.component = r.component AND w.version = c.installed->>r.component
        AND w.position > r.position AND w.withdrawn_at IS NOT NULL
    ) THEN 'superseded'
    WHEN d.state = 'delivered' THEN 'delivered'
    WHEN r.deliver_by <= statement_timestamp() THEN 'expired'
    ELSE coalesce(d.state, 'pending')
  END AS state OFFSET 0
) s
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.rollout_over IS NOT NULL
           THEN r.rollout_from + r.rollout_over * rollout_place(c.id) * interval '1 millisecond' END AS admitted_at
) a
WHERE c.removed_at IS NULL;

-- Each client's queue: what it should have and has not confirmed. Nobody writes these rows; they are the difference
-- itself, so superseded work is gone by construction (G4) and publishing to a million is one fact. Not all of it may be
-- delivered now: a paused release, one that has not admitted the client yet, or one that is past its deadline waits.
CREATE OR REPLACE VIEW undelivered_work AS
SELECT c.id AS client_id, 'settings' AS kind, 'settings' AS key, e.revision::text AS revision,
       NULL::uuid AS release, NULL::timestamptz AS deliver_by, e.revision AS position,
       coalesce(d.state, 'pending') AS state, d.delivered_at, coalesce(d.attempts, 0) AS attempts, d.error, d.request,
       true AS is_deliverable
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

-- What it told is in columns of the release now; a function with a subquery in it is called for every row.
DROP FUNCTION release_targets(jsonb, text, text, jsonb);
