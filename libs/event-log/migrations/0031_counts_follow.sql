-- What clients were sent and confirmed is counted apart from appending it, some of them together (ADR 0021). Up to here, it was
-- counted with each fact.
INSERT INTO projection_checkpoint (name, version, position)
SELECT 'work-counts', 1, position FROM log_head;

-- As before; and takes the log's lock, under which everything else is counted. Each statement of it sees what was committed
-- before the lock was given.
CREATE OR REPLACE FUNCTION count_worked(clients text[], components text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moves cohort[];
BEGIN
  PERFORM FROM log_head FOR UPDATE;
  WITH member AS MATERIALIZED (
    SELECT m.*, x.components, c.installed, c.labels, g.chain,
           CASE WHEN c.settings_revision = greatest(g.above, c.own_revision) THEN g.above ELSE -1 END AS settles_with
    FROM (
      SELECT client_id, array_remove(array_agg(component), NULL) AS components
      FROM unnest(clients, components) AS x (client_id, component) GROUP BY client_id
    ) x
    CROSS JOIN LATERAL (SELECT * FROM cohort_member WHERE client_id = x.client_id OFFSET 0) m
    CROSS JOIN LATERAL (
      SELECT chain, greatest(chain_revision, (SELECT revision FROM settings_level WHERE scope = 'fleet')) AS above
      FROM group_node WHERE id = m.group_id OFFSET 0) g
    CROSS JOIN LATERAL (
      SELECT installed, labels, settings_revision, own_revision FROM client
      WHERE id = x.client_id AND removed_at IS NULL OFFSET 0) c
  ), delivered AS MATERIALIZED (
    -- As `delivery_to_count` has it.
    SELECT m.client_id, x.component AS key, d.revision, d.state, d.is_tallied AS was_tallied, r.id AS release, b.*,
           b.is_beside AND b.is_overtaken AND d.state = 'acknowledged' AND EXISTS (
             SELECT FROM release_verdicts(m.client_id, m.chain, m.labels, m.installed) v
             WHERE v.release = r.id) AS is_tallied
    FROM member m
    CROSS JOIN LATERAL unnest(m.components) AS x (component)
    CROSS JOIN LATERAL (
      SELECT revision, state, is_tallied FROM delivery
      WHERE client_id = m.client_id AND kind = 'update' AND key = x.component OFFSET 0) d
    CROSS JOIN LATERAL (SELECT * FROM release WHERE component = x.component AND version = d.revision OFFSET 0) r
    LEFT JOIN LATERAL (
      SELECT * FROM release WHERE component = x.component AND version = m.installed->>x.component OFFSET 0) i ON true
    CROSS JOIN LATERAL (
      SELECT d.revision IS DISTINCT FROM m.installed->>x.component AS is_beside,
             coalesce(i.position > r.position
               AND (i.to_all OR (i.target = r.target AND i.to_within IS NOT DISTINCT FROM r.to_within)), false) AS is_overtaken
      OFFSET 0) b
  ), turned AS MATERIALIZED (
    SELECT client_id, key, revision, release, is_tallied FROM delivered WHERE is_tallied <> was_tallied
  ), marked AS (
    UPDATE delivery d SET is_tallied = t.is_tallied FROM turned t
    WHERE d.client_id = t.client_id AND d.kind = 'update' AND d.key = t.key AND d.revision = t.revision
  ), tallied AS (
    INSERT INTO release_tally AS t (release, acknowledged)
    SELECT release, sum(CASE WHEN is_tallied THEN 1 ELSE -1 END) FROM turned GROUP BY release ORDER BY release
    ON CONFLICT (release) DO UPDATE SET acknowledged = t.acknowledged + excluded.acknowledged
  ), open AS (
    SELECT client_id, jsonb_object_agg(key, states) AS deliveries FROM (
      SELECT client_id, key, jsonb_object_agg(revision, state) AS states FROM delivered
      WHERE is_beside AND NOT is_overtaken GROUP BY client_id, key) v
    GROUP BY client_id
  ), described AS MATERIALIZED (
    SELECT d.*, sha256(convert_to(jsonb_build_array(d.labels, d.installed, d.deliveries, d.who)::text, 'UTF8')) AS digest
    FROM (
      SELECT m.client_id, k.labels, m.installed, k.who,
             (k.deliveries - m.components) || coalesce(o.deliveries, '{}') AS deliveries
      FROM member m
      CROSS JOIN LATERAL (SELECT labels, deliveries, who FROM cohort_kind WHERE id = m.kind_id OFFSET 0) k
      LEFT JOIN open o ON o.client_id = m.client_id
      WHERE m.components <> '{}' OFFSET 0
    ) d
  ), known_kind AS MATERIALIZED (
    SELECT d.*, (SELECT k.id FROM cohort_kind k WHERE k.digest = d.digest) AS id
    FROM (SELECT DISTINCT ON (digest) digest, labels, installed, deliveries, who FROM described) d
  ), new_kind AS (
    INSERT INTO cohort_kind (digest, labels, installed, deliveries, who)
    SELECT digest, labels, installed, deliveries, who FROM known_kind WHERE id IS NULL
    RETURNING id, digest
  ), kind AS (
    SELECT id, digest FROM known_kind WHERE id IS NOT NULL UNION ALL SELECT id, digest FROM new_kind
  ), move AS MATERIALIZED (
    SELECT m.client_id, m.group_id, m.presence_id, m.kind_id, m.settled_with,
           coalesce(k.id, m.kind_id) AS to_kind, m.settles_with AS to_settled
    FROM member m LEFT JOIN (described d JOIN kind k ON k.digest = d.digest) ON d.client_id = m.client_id
    WHERE (coalesce(k.id, m.kind_id), m.settles_with) <> (m.kind_id, m.settled_with)
  ), entered AS (
    UPDATE cohort_member m SET kind_id = v.to_kind, settled_with = v.to_settled
    FROM move v WHERE m.client_id = v.client_id
  )
  SELECT array_agg(m) INTO moves FROM (
    SELECT ROW (v.kind_id, group_id, v.settled_with, presence_id, sum(n))::cohort
    FROM move CROSS JOIN LATERAL (
      VALUES (to_kind, to_settled, 1), (move.kind_id, move.settled_with, -1)
    ) AS v (kind_id, settled_with, n)
    GROUP BY v.kind_id, group_id, v.settled_with, presence_id HAVING sum(n) <> 0
  ) moved (m);
  PERFORM move_counts(moves);
END $$;

-- Of a small table, such as whom releases name, a plan that is kept reads all for each client.
ALTER FUNCTION undelivered_work_of(text[]) SET enable_seqscan = off;
