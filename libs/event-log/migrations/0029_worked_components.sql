-- What is counted anew of a client that was sent, has or confirmed some work no longer grows with all that it ever was sent: only
-- what was delivered of the components concerned is read, and nothing of it where settings alone were confirmed. With sixty
-- releases published, a fact took 220 to 410 us of Postgres, most of it for components of which nothing had changed.

-- As before; what is empty is looked up instead of looked for in all sums.
CREATE OR REPLACE FUNCTION move_counts(moves cohort[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  emptied cohort[];
  emptied_sums cohort_sum[];
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT kind_id, group_id, settled_with, presence_id, clients FROM unnest(moves)
  ), summed AS (
    INSERT INTO cohort_sum AS s (kind_id, under, settled_with, presence_id, clients)
    SELECT m.kind_id, p.under, m.settled_with, m.presence_id, sum(m.clients)
    FROM moved m CROSS JOIN LATERAL (SELECT under FROM cohort_place WHERE group_id = m.group_id OFFSET 0) p
    GROUP BY m.kind_id, p.under, m.settled_with, m.presence_id HAVING sum(m.clients) <> 0
    ORDER BY m.kind_id, p.under, m.settled_with, m.presence_id
    ON CONFLICT (kind_id, under, settled_with, presence_id) DO UPDATE SET clients = s.clients + excluded.clients
    RETURNING s
  ), counted AS (
    INSERT INTO cohort AS c (kind_id, group_id, settled_with, presence_id, clients)
    SELECT kind_id, group_id, settled_with, presence_id, clients FROM moved
    ORDER BY kind_id, group_id, settled_with, presence_id
    ON CONFLICT (kind_id, group_id, settled_with, presence_id) DO UPDATE SET clients = c.clients + excluded.clients
    RETURNING c
  )
  SELECT (SELECT array_agg(c) FROM counted WHERE (c).clients = 0), (SELECT array_agg(s) FROM summed WHERE (s).clients = 0)
  INTO emptied, emptied_sums;

  IF emptied_sums IS NOT NULL THEN
    DELETE FROM cohort_sum s USING unnest(emptied_sums) e
    WHERE (s.kind_id, s.under, s.settled_with, s.presence_id) = (e.kind_id, e.under, e.settled_with, e.presence_id);
  END IF;
  IF emptied IS NULL THEN RETURN; END IF;
  DELETE FROM cohort c USING unnest(emptied) e
  WHERE (c.kind_id, c.group_id, c.settled_with, c.presence_id) = (e.kind_id, e.group_id, e.settled_with, e.presence_id);
  DELETE FROM cohort_kind k USING unnest(emptied) e
  WHERE k.id = e.kind_id AND NOT EXISTS (SELECT FROM cohort c WHERE c.kind_id = k.id);
END $$;

-- Counts clients of whom nothing changed but what was delivered and is installed of these components, one for each mention of
-- the client, or, where it is null, which settings they have. Labels, group, presence, and whether they are named stay
-- what they were, and are taken from where they are counted, like what was delivered of other components.
CREATE FUNCTION count_worked(clients text[], components text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moves cohort[];
BEGIN
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

-- As before, without those.
DROP FUNCTION count_clients(text[], text[]);
CREATE FUNCTION count_clients(changed text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moves cohort[];
BEGIN
  WITH wanted AS MATERIALIZED (
    SELECT w.* FROM unnest(changed) AS x (id)
    CROSS JOIN LATERAL (
      SELECT d.client_id, d.key, d.revision, d.release, d.is_tallied AS was_tallied,
             d.is_beside AND d.is_overtaken AND d.state = 'acknowledged' AND EXISTS (
               SELECT FROM client c
               JOIN group_node g ON g.path = c.group_path
               CROSS JOIN LATERAL release_verdicts(c.id, g.chain, c.labels, c.installed) v
               WHERE c.id = d.client_id AND v.release = d.release) AS is_tallied
      FROM delivery_to_count d WHERE d.client_id = x.id OFFSET 0
    ) w
    WHERE w.is_tallied <> w.was_tallied
  ), marked AS (
    UPDATE delivery d SET is_tallied = w.is_tallied FROM wanted w
    WHERE d.client_id = ANY(changed)
      AND d.client_id = w.client_id AND d.kind = 'update' AND d.key = w.key AND d.revision = w.revision
  ), tallied AS (
    INSERT INTO release_tally AS t (release, acknowledged)
    SELECT release, sum(CASE WHEN is_tallied THEN 1 ELSE -1 END) FROM wanted GROUP BY release
    ON CONFLICT (release) DO UPDATE SET acknowledged = t.acknowledged + excluded.acknowledged
  ), described AS MATERIALIZED (
    SELECT d.* FROM unnest(changed) AS x (id)
    CROSS JOIN LATERAL (SELECT * FROM client_to_count WHERE client_id = x.id OFFSET 0) d
  ), known_kind AS MATERIALIZED (
    SELECT d.*, (SELECT k.id FROM cohort_kind k WHERE k.digest = d.digest) AS id
    FROM (SELECT DISTINCT ON (digest) digest, labels, installed, deliveries, who FROM described) d
  ), new_kind AS (
    INSERT INTO cohort_kind (digest, labels, installed, deliveries, who)
    SELECT digest, labels, installed, deliveries, who FROM known_kind WHERE id IS NULL
    RETURNING id, digest
  ), kind AS (
    SELECT id, digest FROM known_kind WHERE id IS NOT NULL UNION ALL SELECT id, digest FROM new_kind
  ), seen AS MATERIALIZED (
    SELECT d.client_id, k.id AS kind_id, d.group_id, d.settled_with, coalesce(p.status, 'Offline') AS status,
           coalesce(p.network, 'direct') AS network, coalesce(p.network_name, '') AS network_name
    FROM described d
    JOIN kind k ON k.digest = d.digest
    LEFT JOIN LATERAL (
      SELECT status, network, network_name FROM presence WHERE client_id = d.client_id OFFSET 0) p ON true
  ), new_presence AS (
    INSERT INTO cohort_presence (status, network, network_name)
    SELECT DISTINCT status, network, network_name FROM seen
    EXCEPT SELECT status, network, network_name FROM cohort_presence
    RETURNING id, status, network, network_name
  ), present AS (
    TABLE new_presence UNION ALL TABLE cohort_presence
  ), after AS MATERIALIZED (
    SELECT s.client_id, s.kind_id, s.group_id, s.settled_with, p.id AS presence_id
    FROM seen s
    JOIN present p ON p.status = s.status AND p.network = s.network AND p.network_name = s.network_name
  ), before AS MATERIALIZED (
    SELECT * FROM cohort_member WHERE client_id = ANY(changed)
  ), gone AS (
    DELETE FROM cohort_member m
    WHERE m.client_id = ANY(changed)
      AND NOT EXISTS (SELECT FROM client c WHERE c.id = m.client_id AND c.removed_at IS NULL OFFSET 0)
  ), entered AS (
    INSERT INTO cohort_member (client_id, kind_id, group_id, settled_with, presence_id)
    SELECT client_id, kind_id, group_id, settled_with, presence_id FROM (TABLE after EXCEPT TABLE before) moved
    ON CONFLICT (client_id) DO UPDATE SET
      kind_id = excluded.kind_id, group_id = excluded.group_id, settled_with = excluded.settled_with,
      presence_id = excluded.presence_id
  )
  SELECT array_agg(m) INTO moves FROM (
    SELECT ROW (kind_id, group_id, settled_with, presence_id, sum(n))::cohort FROM (
      SELECT kind_id, group_id, settled_with, presence_id, 1 AS n FROM after
      UNION ALL
      SELECT kind_id, group_id, settled_with, presence_id, -1 FROM before
    ) one
    GROUP BY kind_id, group_id, settled_with, presence_id HAVING sum(n) <> 0
  ) moved (m);
  PERFORM move_counts(moves);
END $$;

-- As before; it names the function that counts.
CREATE OR REPLACE FUNCTION rebuild_counts() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ids text[];
  last text := '';
BEGIN
  DELETE FROM cohort;
  DELETE FROM cohort_sum;
  DELETE FROM cohort_member;
  DELETE FROM cohort_kind;
  DELETE FROM cohort_label;
  DELETE FROM release_tally;
  UPDATE delivery SET is_tallied = false WHERE is_tallied;
  INSERT INTO cohort_label (key, value, seen, is_counted)
  SELECT key, value, sum(times), sum(times) >= 1000 FROM (
    SELECT l.key, l.value, count(*) AS times FROM client c CROSS JOIN LATERAL jsonb_each_text(c.labels) l
    WHERE c.removed_at IS NULL GROUP BY 1, 2
    UNION ALL
    SELECT l.key, l.value, 1000 FROM release r CROSS JOIN LATERAL jsonb_each_text(r.to_labels) l
  ) labels GROUP BY 1, 2;
  PERFORM place_groups();
  LOOP
    SELECT array_agg(id), max(id) INTO ids, last FROM (
      SELECT id FROM client WHERE id > last AND removed_at IS NULL ORDER BY id LIMIT 10000) page;
    EXIT WHEN ids IS NULL;
    PERFORM count_clients(ids);
  END LOOP;
END $$;

-- As before; what has a verdict is not looked up among what was delivered, and of that only the releases that are left, so
-- that a queue does not grow with its client's past.
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
SELECT c.id, 'update', r.component, r.version, r.release, r.deliver_by, r.position,
       s.state, d.delivered_at, coalesce(d.attempts, 0), d.error, d.request,
       r.paused_at IS NULL AND (a.admitted_at <= statement_timestamp()) IS NOT FALSE
         AND (r.deliver_by IS NULL OR r.deliver_by > statement_timestamp())
FROM client c
CROSS JOIN LATERAL (SELECT chain FROM group_node WHERE path = c.group_path OFFSET 0) g
CROSS JOIN LATERAL (
  SELECT * FROM release_verdicts(c.id, g.chain, c.labels, c.installed) v WHERE v.is_current AND v.verdict IS NULL OFFSET 0) r
LEFT JOIN LATERAL (
  SELECT state, delivered_at, attempts, error, request FROM delivery
  WHERE client_id = c.id AND kind = 'update' AND key = r.component AND revision = r.version OFFSET 0) d ON true
CROSS JOIN LATERAL (SELECT release_state(NULL, d.state, r.deliver_by) AS state OFFSET 0) s
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.rollout_over IS NOT NULL
           THEN r.rollout_from + r.rollout_over * rollout_place(c.id) * interval '1 millisecond' END AS admitted_at
) a
WHERE c.removed_at IS NULL AND s.state IN ('pending', 'delivered', 'failed');
