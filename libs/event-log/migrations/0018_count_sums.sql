-- Counts of the whole fleet take no longer where there are many groups. A cohort is of one group, and most groups differ in
-- nothing: no setting was ever made there, no release targets them. Their cohorts are summed up as well, and what is
-- counted for everybody is counted from the sums: twenty in place of 40,000, where there are 2,000 such groups.

-- Under which group each is counted: itself where it is set apart, else the nearest above it that is. `under` outlives the
-- group, like the cohorts in which its clients were counted.
CREATE TABLE cohort_place (
  group_id integer PRIMARY KEY,
  under    integer NOT NULL
);

CREATE TABLE cohort_sum (
  kind_id      integer NOT NULL,
  under        integer NOT NULL,
  settled_with bigint  NOT NULL,
  presence_id  integer NOT NULL,
  clients      integer NOT NULL,
  PRIMARY KEY (kind_id, under, settled_with, presence_id)
) WITH (fillfactor = 50);

-- What sets a group apart: all that the class of a group and its newest revision come from. Under the same one, groups
-- have the same settings and the same releases.
CREATE VIEW group_apart AS
SELECT '' AS path
UNION SELECT key FROM settings_level WHERE scope = 'group'
UNION SELECT path FROM removed_group
UNION SELECT unnest(to_groups) FROM release
UNION SELECT to_within FROM release WHERE to_within IS NOT NULL;

-- Moves the sums of groups whose place has changed. To be called in the transaction that makes a group, or sets one apart.
CREATE FUNCTION place_groups() RETURNS void LANGUAGE sql AS $$
  WITH wanted AS (
    SELECT g.id AS group_id, (array_agg(a.id ORDER BY length(a.path) DESC))[1] AS under
    FROM group_node g
    CROSS JOIN LATERAL unnest(g.chain) AS u (path)
    JOIN group_node a ON a.path = u.path
    WHERE u.path IN (SELECT path FROM group_apart)
    GROUP BY g.id
  ), placed AS MATERIALIZED (
    SELECT w.group_id, w.under, p.under AS was
    FROM wanted w LEFT JOIN cohort_place p ON p.group_id = w.group_id
    WHERE p.under IS DISTINCT FROM w.under
  ), noted AS (
    INSERT INTO cohort_place (group_id, under) SELECT group_id, under FROM placed
    ON CONFLICT (group_id) DO UPDATE SET under = excluded.under
  )
  INSERT INTO cohort_sum AS s (kind_id, under, settled_with, presence_id, clients)
  SELECT c.kind_id, v.under, c.settled_with, c.presence_id, sum(v.clients)
  FROM placed p
  JOIN cohort c ON c.group_id = p.group_id
  CROSS JOIN LATERAL (VALUES (p.under, c.clients), (p.was, -c.clients)) AS v (under, clients)
  WHERE v.under IS NOT NULL
  GROUP BY 1, 2, 3, 4 HAVING sum(v.clients) <> 0
  ON CONFLICT (kind_id, under, settled_with, presence_id) DO UPDATE SET clients = s.clients + excluded.clients;
  DELETE FROM cohort_sum WHERE clients = 0;
$$;
SELECT place_groups();

-- As before, and the sums.
CREATE OR REPLACE FUNCTION count_clients(changed text[], transitioned text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  emptied jsonb;
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
  )
  INSERT INTO release_tally AS t (release, acknowledged)
  SELECT release, sum(CASE WHEN is_tallied THEN 1 ELSE -1 END) FROM wanted GROUP BY release
  ON CONFLICT (release) DO UPDATE SET acknowledged = t.acknowledged + excluded.acknowledged;

  WITH described AS MATERIALIZED (
    SELECT * FROM client_to_count WHERE client_id = ANY(changed)
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
    SELECT d.client_id, k.id AS kind_id, d.group_id, d.settled_with FROM described d JOIN kind k ON k.digest = d.digest
    UNION ALL
    SELECT client_id, kind_id, group_id, settled_with FROM cohort_member WHERE client_id = ANY(transitioned)
  ), seen AS MATERIALIZED (
    SELECT w.*, coalesce(p.status, 'Offline') AS status, coalesce(p.network, 'direct') AS network,
           coalesce(p.network_name, '') AS network_name
    FROM work w
    LEFT JOIN LATERAL (
      SELECT status, network, network_name FROM presence WHERE client_id = w.client_id OFFSET 0) p ON true
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
    SELECT * FROM cohort_member WHERE client_id = ANY(changed || transitioned)
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
  ), moved AS MATERIALIZED (
    SELECT kind_id, group_id, settled_with, presence_id, sum(n) AS n FROM (
      SELECT kind_id, group_id, settled_with, presence_id, 1 AS n FROM after
      UNION ALL
      SELECT kind_id, group_id, settled_with, presence_id, -1 FROM before
    ) one
    GROUP BY kind_id, group_id, settled_with, presence_id HAVING sum(n) <> 0
  ), summed AS (
    INSERT INTO cohort_sum AS s (kind_id, under, settled_with, presence_id, clients)
    SELECT m.kind_id, p.under, m.settled_with, m.presence_id, sum(m.n)
    FROM moved m CROSS JOIN LATERAL (SELECT under FROM cohort_place WHERE group_id = m.group_id OFFSET 0) p
    GROUP BY m.kind_id, p.under, m.settled_with, m.presence_id HAVING sum(m.n) <> 0
    ORDER BY m.kind_id, p.under, m.settled_with, m.presence_id
    ON CONFLICT (kind_id, under, settled_with, presence_id) DO UPDATE SET clients = s.clients + excluded.clients
  ), counted AS (
    INSERT INTO cohort AS c (kind_id, group_id, settled_with, presence_id, clients)
    SELECT kind_id, group_id, settled_with, presence_id, n FROM moved
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

-- As before.
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
    PERFORM count_clients(ids, '{}');
  END LOOP;
END $$;

-- As before, of everybody from the sums, of a group from its cohorts.
CREATE OR REPLACE FUNCTION cohort_cells(within text)
RETURNS TABLE (kind_id integer, class bigint, chain text[], policy_group text, lacks_settings boolean,
               presence_id integer, clients bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group
  ), part AS (
    SELECT kind_id, under AS group_id, settled_with, presence_id, clients FROM cohort_sum WHERE within = ''
    UNION ALL
    SELECT kind_id, group_id, settled_with, presence_id, clients FROM cohort
    WHERE within <> ''
      AND group_id IN (SELECT id FROM group_node WHERE path = within OR starts_with(path, within || '/'))
  ), cell AS (
    SELECT c.kind_id, p.class, c.settled_with <> p.above AS lacks_settings, c.presence_id, sum(c.clients) AS clients
    FROM part c JOIN place p ON p.group_id = c.group_id
    GROUP BY 1, 2, 3, 4
  )
  SELECT c.kind_id, c.class, p.chain, p.policy_group, c.lacks_settings, c.presence_id, c.clients
  FROM cell c JOIN (SELECT DISTINCT class, chain, policy_group FROM place) p ON p.class = c.class
$$;

-- As before; who lacks what is worked out from the sums, of which there are few, and then the cohorts are looked up.
CREATE OR REPLACE FUNCTION cohorts_lacking(within text)
RETURNS TABLE (kind_id integer, group_id integer, settled_with bigint, presence_id integer, clients integer, items bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group
  ), sum AS MATERIALIZED (
    SELECT DISTINCT s.kind_id, s.under, s.settled_with, p.class, (s.settled_with <> p.above)::integer AS settings
    FROM cohort_sum s JOIN place p ON p.group_id = s.under
  ), updates AS MATERIALIZED (
    SELECT x.kind_id, x.class, count(*) AS items
    FROM (SELECT DISTINCT kind_id, class FROM sum) x
    JOIN (SELECT DISTINCT class, chain FROM place) p ON p.class = x.class
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, p.chain, k.labels, k.installed) v
    WHERE v.is_current
      AND release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by)
        IN ('pending', 'delivered', 'failed')
    GROUP BY x.kind_id, x.class
  ), work AS (
    SELECT s.kind_id, s.under, s.settled_with, s.settings + coalesce(u.items, 0) AS items
    FROM sum s LEFT JOIN updates u ON u.kind_id = s.kind_id AND u.class = s.class
  )
  SELECT c.kind_id, c.group_id, c.settled_with, c.presence_id, c.clients, w.items
  FROM work w
  JOIN cohort_place p ON p.under = w.under
  JOIN cohort c ON c.kind_id = w.kind_id AND c.group_id = p.group_id AND c.settled_with = w.settled_with
  WHERE within = ''
     OR c.group_id IN (SELECT id FROM group_node WHERE path = within OR starts_with(path, within || '/'))
$$;

-- Likewise.
CREATE OR REPLACE FUNCTION cohorts_standing(of_release uuid)
RETURNS TABLE (kind_id integer, group_id integer, state text, clients bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group
  ), sum AS MATERIALIZED (
    SELECT DISTINCT s.kind_id, p.class FROM cohort_sum s JOIN place p ON p.group_id = s.under
  ), standing AS (
    SELECT x.kind_id, x.class, release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by) AS state
    FROM sum x
    JOIN (SELECT DISTINCT class, chain FROM place) p ON p.class = x.class
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, p.chain, k.labels, k.installed) v
    WHERE v.release = of_release
  )
  SELECT c.kind_id, c.group_id, s.state, sum(c.clients)
  FROM standing s
  JOIN place p ON p.class = s.class
  JOIN cohort c ON c.kind_id = s.kind_id AND c.group_id = p.group_id
  GROUP BY 1, 2, 3
$$;
