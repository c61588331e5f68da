-- A transition costs less: every one of a million clients that turns offline is a fact, a row of presence and a count.

-- Facts of one type are read whatever lane they are of. Those of one lane are nearly all that come after a position, so they
-- need no index of their own; those of the fleet are few among them.
DROP INDEX event_lane_idx;
DROP INDEX event_type_idx;
CREATE INDEX event_type_idx ON event (type, position);
CREATE INDEX event_fleet_idx ON event (position) WHERE lane IS NULL;

-- By how many more, or fewer, clients each of these cohorts has.
CREATE FUNCTION move_counts(moves cohort[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  emptied jsonb;
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
  ), counted AS (
    INSERT INTO cohort AS c (kind_id, group_id, settled_with, presence_id, clients)
    SELECT kind_id, group_id, settled_with, presence_id, clients FROM moved
    ORDER BY kind_id, group_id, settled_with, presence_id
    ON CONFLICT (kind_id, group_id, settled_with, presence_id) DO UPDATE SET clients = c.clients + excluded.clients
    RETURNING kind_id, group_id, settled_with, presence_id, clients
  )
  SELECT jsonb_agg(to_jsonb(counted)) FILTER (WHERE clients = 0) INTO emptied FROM counted;

  IF emptied IS NULL THEN RETURN; END IF;
  DELETE FROM cohort c USING jsonb_populate_recordset(NULL::cohort, emptied) e
  WHERE (c.kind_id, c.group_id, c.settled_with, c.presence_id) = (e.kind_id, e.group_id, e.settled_with, e.presence_id);
  DELETE FROM cohort_sum WHERE clients = 0;
  DELETE FROM cohort_kind k USING jsonb_populate_recordset(NULL::cohort, emptied) e
  WHERE k.id = e.kind_id AND NOT EXISTS (SELECT FROM cohort c WHERE c.kind_id = k.id);
END $$;

-- Counts clients of whom nothing changed but their presence; what else they are counted by is where they are counted.
CREATE FUNCTION count_turns(clients text[], statuses text[], networks text[], network_names text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moves cohort[];
BEGIN
  WITH seen AS MATERIALIZED (
    SELECT m.client_id, m.kind_id, m.group_id, m.settled_with, m.presence_id AS was, x.status, x.network, x.network_name
    FROM unnest(clients, statuses, networks, network_names) AS x (id, status, network, network_name)
    CROSS JOIN LATERAL (SELECT * FROM cohort_member WHERE client_id = x.id OFFSET 0) m
  ), new_presence AS (
    INSERT INTO cohort_presence (status, network, network_name)
    SELECT DISTINCT status, network, network_name FROM seen
    EXCEPT SELECT status, network, network_name FROM cohort_presence
    RETURNING id, status, network, network_name
  ), present AS (
    TABLE new_presence UNION ALL TABLE cohort_presence
  ), turn AS MATERIALIZED (
    SELECT s.client_id, s.kind_id, s.group_id, s.settled_with, s.was, p.id AS presence_id
    FROM seen s
    JOIN present p ON p.status = s.status AND p.network = s.network AND p.network_name = s.network_name
    WHERE p.id <> s.was
  ), entered AS (
    UPDATE cohort_member m SET presence_id = t.presence_id FROM turn t WHERE m.client_id = t.client_id
  )
  SELECT array_agg(m) INTO moves FROM (
    SELECT ROW (kind_id, group_id, settled_with, v.presence_id, sum(v.n))::cohort
    FROM (SELECT kind_id, group_id, settled_with, was, presence_id, count(*) AS n FROM turn GROUP BY 1, 2, 3, 4, 5) t
    CROSS JOIN LATERAL (VALUES (t.presence_id, t.n), (t.was, -t.n)) AS v (presence_id, n)
    GROUP BY kind_id, group_id, settled_with, v.presence_id HAVING sum(v.n) <> 0
  ) moved (m);
  PERFORM move_counts(moves);
END $$;

-- As before, without those who only turned.
DROP FUNCTION count_clients(text[], text[]);
DROP FUNCTION count_clients(text[], text[], text[]);
CREATE FUNCTION count_clients(changed text[], worked text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moves cohort[];
BEGIN
  WITH delivered AS MATERIALIZED (
    SELECT d.*, x.n > cardinality(changed) AS is_worked
    FROM unnest(changed || worked) WITH ORDINALITY AS x (id, n)
    CROSS JOIN LATERAL (SELECT * FROM delivery_to_count WHERE client_id = x.id OFFSET 0) d
  ), wanted AS MATERIALIZED (
    SELECT w.* FROM (
      SELECT d.client_id, d.key, d.revision, d.release, d.is_tallied AS was_tallied,
             d.is_beside AND d.is_overtaken AND d.state = 'acknowledged' AND EXISTS (
               SELECT FROM client c
               JOIN group_node g ON g.path = c.group_path
               CROSS JOIN LATERAL release_verdicts(c.id, g.chain, c.labels, c.installed) v
               WHERE c.id = d.client_id AND v.release = d.release) AS is_tallied
      FROM delivered d
      -- What neither was tallied nor may be costs nothing more.
      WHERE d.is_tallied OR (d.is_beside AND d.is_overtaken AND d.state = 'acknowledged') OFFSET 0
    ) w
    WHERE w.is_tallied <> w.was_tallied
  ), marked AS (
    UPDATE delivery d SET is_tallied = w.is_tallied FROM wanted w
    WHERE d.client_id = ANY(changed || worked)
      AND d.client_id = w.client_id AND d.kind = 'update' AND d.key = w.key AND d.revision = w.revision
  ), tallied AS (
    INSERT INTO release_tally AS t (release, acknowledged)
    SELECT release, sum(CASE WHEN is_tallied THEN 1 ELSE -1 END) FROM wanted GROUP BY release
    ON CONFLICT (release) DO UPDATE SET acknowledged = t.acknowledged + excluded.acknowledged
  ), worker AS MATERIALIZED (
    SELECT client_id, coalesce(jsonb_object_agg(key, states) FILTER (WHERE key IS NOT NULL), '{}') AS deliveries
    FROM (
      SELECT client_id, key, jsonb_object_agg(revision, state) AS states FROM delivered
      WHERE is_worked AND is_beside AND NOT is_overtaken GROUP BY client_id, key
      UNION ALL
      SELECT id, NULL, NULL FROM unnest(worked) AS x (id)
    ) v
    GROUP BY client_id
  ), described AS MATERIALIZED (
    SELECT client_id, group_id, settled_with, NULL::integer AS presence_id, labels, installed, deliveries, who, digest
    FROM unnest(changed) AS x (id)
    CROSS JOIN LATERAL (SELECT * FROM client_to_count WHERE client_id = x.id OFFSET 0) d
    UNION ALL
    SELECT w.client_id, m.group_id,
           CASE WHEN c.settings_revision = greatest(g.above, c.own_revision) THEN g.above ELSE -1 END, m.presence_id,
           k.labels, c.installed, w.deliveries, k.who,
           sha256(convert_to(jsonb_build_array(k.labels, c.installed, w.deliveries, k.who)::text, 'UTF8'))
    FROM worker w
    CROSS JOIN LATERAL (SELECT * FROM cohort_member WHERE client_id = w.client_id OFFSET 0) m
    CROSS JOIN LATERAL (SELECT labels, who FROM cohort_kind WHERE id = m.kind_id OFFSET 0) k
    CROSS JOIN LATERAL (
      SELECT greatest(chain_revision, (SELECT revision FROM settings_level WHERE scope = 'fleet')) AS above
      FROM group_node WHERE id = m.group_id OFFSET 0) g
    CROSS JOIN LATERAL (
      SELECT installed, settings_revision, own_revision FROM client
      WHERE id = w.client_id AND removed_at IS NULL OFFSET 0) c
  ), known_kind AS MATERIALIZED (
    SELECT d.*, (SELECT k.id FROM cohort_kind k WHERE k.digest = d.digest) AS id
    FROM (SELECT DISTINCT ON (digest) digest, labels, installed, deliveries, who FROM described) d
  ), new_kind AS (
    INSERT INTO cohort_kind (digest, labels, installed, deliveries, who)
    SELECT digest, labels, installed, deliveries, who FROM known_kind WHERE id IS NULL
    RETURNING id, digest
  ), kind AS (
    SELECT id, digest FROM known_kind WHERE id IS NOT NULL UNION ALL SELECT id, digest FROM new_kind
  ), work AS (
    SELECT d.client_id, k.id AS kind_id, d.group_id, d.settled_with, d.presence_id
    FROM described d JOIN kind k ON k.digest = d.digest
  ), seen AS MATERIALIZED (
    SELECT w.*, coalesce(p.status, 'Offline') AS status, coalesce(p.network, 'direct') AS network,
           coalesce(p.network_name, '') AS network_name
    FROM work w
    LEFT JOIN LATERAL (
      SELECT status, network, network_name FROM presence WHERE client_id = w.client_id OFFSET 0) p ON true
    WHERE w.presence_id IS NULL
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
    UNION ALL
    SELECT client_id, kind_id, group_id, settled_with, presence_id FROM work WHERE presence_id IS NOT NULL
  ), before AS MATERIALIZED (
    SELECT * FROM cohort_member WHERE client_id = ANY(changed || worked)
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
