-- Counts of a million clients without looking at one: clients that are alike in all that counts depend on form a cohort,
-- and a cohort is a row with a number. The queue stays a difference (nobody writes rows for it): it is worked out for
-- each kind of client instead of for each client, by the same function.

-- Takes a while where there are many clients: they are counted once, at the end, and one index is built.

-- Where whoever is described so stands with each release that is for it, as far as that follows from the description;
-- null where it depends on what was delivered. In this order: it has it; the release was withdrawn; a newer one that
-- applies took its place, or a newer one since withdrawn is installed (nothing is rolled back).
--
-- `who` counts for the releases that name clients. OFFSET 0 has the verdict computed once for each row.
CREATE FUNCTION release_verdicts(who text, chain text[], labels jsonb, installed jsonb)
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
  WHERE r.to_all
     OR (r.to_named AND EXISTS (SELECT FROM release_client t WHERE t.release = r.id AND t.client_id = who))
     OR (r.to_some AND (r.to_groups IS NULL OR r.to_groups && chain) AND (r.to_labels IS NULL OR labels @> r.to_labels))
$$;

-- The verdict and what was delivered together. Acknowledged is acknowledged, whatever came since; for what is on its way
-- a deadline has no meaning any more; after it (G5), else what happened last.
CREATE FUNCTION release_state(verdict text, delivered text, deliver_by timestamptz)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN delivered = 'acknowledged' THEN 'acknowledged'
    WHEN verdict IS NOT NULL THEN verdict
    WHEN delivered = 'delivered' THEN 'delivered'
    WHEN deliver_by <= statement_timestamp() THEN 'expired'
    ELSE coalesce(delivered, 'pending')
  END
$$;

-- Where each client stands with each release that is for it.
CREATE OR REPLACE VIEW release_standing AS
SELECT r.release, c.id AS client_id, c.group_path, r.component, r.version, r.position, r.deliver_by, r.is_current,
       r.paused_at, a.admitted_at, coalesce(r.paused_at, statement_timestamp()) < a.admitted_at AS is_awaiting_admission,
       d.delivered_at, coalesce(d.attempts, 0) AS attempts, d.error, d.request, s.state
FROM client c
JOIN group_node g ON g.path = c.group_path
CROSS JOIN LATERAL release_verdicts(c.id, g.chain, c.labels, c.installed) r
LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'update' AND d.key = r.component AND d.revision = r.version
CROSS JOIN LATERAL (SELECT release_state(r.verdict, d.state, r.deliver_by) AS state OFFSET 0) s
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.rollout_over IS NOT NULL
           THEN r.rollout_from + r.rollout_over * rollout_place(c.id) * interval '1 millisecond' END AS admitted_at
) a
WHERE c.removed_at IS NULL;

-- `above`: the newest revision of the levels above the client.
CREATE OR REPLACE VIEW effective_revision AS
SELECT c.id AS client_id, greatest(f.revision, g.chain_revision, c.own_revision) AS revision,
       greatest(f.revision, g.chain_revision) AS above
FROM client c
JOIN group_node g ON g.path = c.group_path
CROSS JOIN (SELECT revision FROM settings_level WHERE scope = 'fleet') f;

ALTER TABLE group_node ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE;
CREATE INDEX release_client_client_idx ON release_client (client_id);
CREATE INDEX client_labels_idx ON client USING gin (labels jsonb_path_ops) WHERE removed_at IS NULL;

-- Labels that tell cohorts apart: those that a release targets or that a thousand clients carried. Others, such as an
-- inventory number, would make every client a cohort of its own; those with a rare label are few, and found by index.
CREATE TABLE cohort_label (
  key        text    NOT NULL,
  value      text    NOT NULL,
  -- How often it was given to a client until it was counted; never less than the clients that carry it.
  seen       integer NOT NULL,
  is_counted boolean NOT NULL,
  PRIMARY KEY (key, value)
);
CREATE INDEX cohort_label_counted_idx ON cohort_label (key, value) WHERE is_counted;

-- Clients that have the same work, but for their group: labels (those counted), what is installed, and the state of what
-- was delivered, by component and version, where that still matters. `who`: the client, where a release names it or it
-- has a policy of its own; it is alone in its cohorts.
CREATE TABLE cohort_kind (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest     bytea   NOT NULL UNIQUE,
  labels     jsonb   NOT NULL,
  installed  jsonb   NOT NULL,
  deliveries jsonb   NOT NULL,
  who        text
);

CREATE TABLE cohort_presence (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status       text    NOT NULL,
  network      text    NOT NULL,
  network_name text    NOT NULL,
  UNIQUE (status, network, network_name)
);

-- `settled_with`: the newest revision of the levels above with which the clients had their settings when last counted,
-- -1 if they had not. Positions only grow, so they have them exactly as long as those levels stay at it.
CREATE TABLE cohort (
  kind_id      integer NOT NULL,
  group_id     integer NOT NULL,
  settled_with bigint  NOT NULL,
  presence_id  integer NOT NULL,
  clients      integer NOT NULL,
  PRIMARY KEY (kind_id, group_id, settled_with, presence_id)
) WITH (fillfactor = 70);

-- Which cohort each client is counted in. No index on what changes, so that it changes in place.
CREATE TABLE cohort_member (
  client_id    text    PRIMARY KEY,
  kind_id      integer NOT NULL,
  group_id     integer NOT NULL,
  settled_with bigint  NOT NULL,
  presence_id  integer NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX cohort_member_place_idx ON cohort_member (rollout_place(client_id), client_id);

-- Acknowledgements of the past would tell nearly all clients apart. Where a newer release for the same clients is
-- installed, one says nothing about what the client lacks; it is only counted, for its own release.
ALTER TABLE delivery ADD COLUMN is_tallied boolean NOT NULL DEFAULT false;
CREATE TABLE release_tally (
  release      uuid    PRIMARY KEY,
  acknowledged integer NOT NULL
);

-- What was delivered to each client. `is_beside`: another version is installed. `is_overtaken`: that one is newer and for
-- the same clients or for all; then the release is withdrawn, or superseded by the one installed, withdrawn or not.
CREATE VIEW delivery_to_count AS
SELECT d.client_id, d.key, d.revision, d.state, d.is_tallied, r.id AS release,
       c.removed_at IS NULL AND d.revision IS DISTINCT FROM c.installed->>d.key AS is_beside,
       coalesce(i.position > r.position AND (i.to_all OR i.target = r.target), false) AS is_overtaken
FROM delivery d
JOIN client c ON c.id = d.client_id
JOIN release r ON r.component = d.key AND r.version = d.revision
LEFT JOIN release i ON i.component = d.key AND i.version = c.installed->>d.key
WHERE d.kind = 'update';

-- How each client is to be counted. OFFSET 0 has what it is worked out from computed once, not once for each mention.
CREATE VIEW client_to_count AS
SELECT c.id AS client_id, g.id AS group_id,
       CASE WHEN e.revision = c.settings_revision THEN e.above ELSE -1 END AS settled_with,
       k.labels, c.installed, k.deliveries, k.who,
       sha256(convert_to(jsonb_build_array(k.labels, c.installed, k.deliveries, k.who)::text, 'UTF8')) AS digest
FROM client c
JOIN effective_revision e ON e.client_id = c.id
JOIN group_node g ON g.path = c.group_path
CROSS JOIN LATERAL (
  SELECT coalesce((
           SELECT jsonb_object_agg(l.key, l.value) FROM jsonb_each_text(c.labels) l
           JOIN cohort_label n ON n.key = l.key AND n.value = l.value AND n.is_counted), '{}') AS labels,
         coalesce((
           SELECT jsonb_object_agg(v.key, v.states) FROM (
             SELECT d.key, jsonb_object_agg(d.revision, d.state) AS states FROM delivery_to_count d
             WHERE d.client_id = c.id AND d.is_beside AND NOT d.is_overtaken GROUP BY d.key) v), '{}') AS deliveries,
         CASE WHEN EXISTS (SELECT FROM release_client t WHERE t.client_id = c.id)
                OR EXISTS (SELECT FROM settings_level s WHERE s.scope = 'client' AND s.key = c.id AND s.values ? 'reachback')
              THEN c.id END AS who
  OFFSET 0
) k
WHERE c.removed_at IS NULL;

-- Counts how often labels were given out; returns the clients to be counted anew because one of theirs is counted from
-- now on. They are few: those that a label has had up to then.
CREATE FUNCTION note_labels(keys text[], vals text[], times integer[]) RETURNS text[]
LANGUAGE sql SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
  WITH noted AS (
    INSERT INTO cohort_label AS l (key, value, seen, is_counted)
    SELECT n.key, n.value, n.times, n.times >= 1000 FROM unnest(keys, vals, times) AS n (key, value, times)
    WHERE NOT EXISTS (SELECT FROM cohort_label c WHERE c.key = n.key AND c.value = n.value AND c.is_counted)
    ON CONFLICT (key, value) DO UPDATE SET
      seen = l.seen + excluded.seen, is_counted = l.seen + excluded.seen >= 1000
    RETURNING key, value, is_counted
  )
  SELECT coalesce(array_agg(DISTINCT c.id), '{}')
  FROM noted n
  JOIN client c ON c.labels @> jsonb_build_object(n.key, n.value) AND c.removed_at IS NULL
  WHERE n.is_counted
$$;

-- Counts anew clients of whom something changed, `transitioned` those of whom nothing but their status did. To be called
-- in the transaction that changed them, which holds the lane's lock: nobody else counts meanwhile. Plans are kept,
-- for making one takes 3 ms, six times what counting a client does:
-- one made while the tables were small must not scan them when they are large, hence OFFSET 0 and subqueries by index.
CREATE FUNCTION count_clients(changed text[], transitioned text[]) RETURNS void
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
  ), counted AS (
    INSERT INTO cohort AS c (kind_id, group_id, settled_with, presence_id, clients)
    SELECT kind_id, group_id, settled_with, presence_id, sum(n) FROM (
      SELECT kind_id, group_id, settled_with, presence_id, 1 AS n FROM after
      UNION ALL
      SELECT kind_id, group_id, settled_with, presence_id, -1 FROM before
    ) moved
    GROUP BY kind_id, group_id, settled_with, presence_id HAVING sum(n) <> 0
    ORDER BY kind_id, group_id, settled_with, presence_id
    ON CONFLICT (kind_id, group_id, settled_with, presence_id) DO UPDATE SET clients = c.clients + excluded.clients
    RETURNING kind_id, group_id, settled_with, presence_id, clients
  )
  SELECT jsonb_agg(to_jsonb(counted)) FILTER (WHERE clients = 0) INTO emptied FROM counted;

  IF emptied IS NULL THEN RETURN; END IF;
  DELETE FROM cohort c USING jsonb_populate_recordset(NULL::cohort, emptied) e
  WHERE (c.kind_id, c.group_id, c.settled_with, c.presence_id) = (e.kind_id, e.group_id, e.settled_with, e.presence_id);
  DELETE FROM cohort_kind k USING jsonb_populate_recordset(NULL::cohort, emptied) e
  WHERE k.id = e.kind_id AND NOT EXISTS (SELECT FROM cohort c WHERE c.kind_id = k.id);
END $$;

-- What was delivered to an earlier installation of these clients says nothing about this one.
CREATE FUNCTION forget_deliveries(ids text[]) RETURNS void LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM delivery WHERE client_id = ANY(ids) RETURNING key, revision, is_tallied
  )
  UPDATE release_tally t SET acknowledged = t.acknowledged - g.clients
  FROM (
    SELECT r.id AS release, count(*) AS clients
    FROM gone JOIN release r ON r.component = gone.key AND r.version = gone.revision
    WHERE gone.is_tallied GROUP BY r.id
  ) g
  WHERE t.release = g.release
$$;

-- The groups, with those above them that a release targets or that have a policy: groups with the same of these are of
-- one class, and their clients differ in no release. `policy_group`: the nearest that has a policy, '' without any.
CREATE VIEW cohort_group AS
WITH bearing AS (
  SELECT path, bool_or(has_policy) AS has_policy FROM (
    SELECT unnest(to_groups) AS path, false AS has_policy FROM release
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

-- The cohorts of a group and those below it ('' is all), put together as far as their work is the same: one pass over the
-- cohorts, after which there are few rows.
CREATE FUNCTION cohort_cells(within text)
RETURNS TABLE (kind_id integer, class bigint, chain text[], policy_group text, lacks_settings boolean,
               presence_id integer, clients bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group WHERE within = '' OR path = within OR starts_with(path, within || '/')
  ), cell AS (
    SELECT c.kind_id, p.class, c.settled_with <> p.above AS lacks_settings, c.presence_id, sum(c.clients) AS clients
    FROM cohort c JOIN place p ON p.group_id = c.group_id
    GROUP BY 1, 2, 3, 4
  )
  SELECT c.kind_id, c.class, p.chain, p.policy_group, c.lacks_settings, c.presence_id, c.clients
  FROM cell c JOIN (SELECT DISTINCT class, chain, policy_group FROM place) p ON p.class = c.class
$$;

-- How many clients of a group and those below it lack how many pieces of work.
CREATE FUNCTION cohort_work(within text)
RETURNS TABLE (kind_id integer, presence_id integer, clients bigint, items bigint)
LANGUAGE sql STABLE AS $$
  WITH cell AS MATERIALIZED (
    SELECT * FROM cohort_cells(within)
  ), updates AS MATERIALIZED (
    SELECT x.kind_id, x.class, count(*) AS items
    FROM (SELECT DISTINCT kind_id, class, chain FROM cell) x
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, x.chain, k.labels, k.installed) v
    WHERE v.is_current
      AND release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by)
        IN ('pending', 'delivered', 'failed')
    GROUP BY x.kind_id, x.class
  )
  SELECT c.kind_id, c.presence_id, c.clients, c.lacks_settings::integer + coalesce(u.items, 0)
  FROM cell c LEFT JOIN updates u ON u.kind_id = c.kind_id AND u.class = c.class
$$;

-- How many clients stand how with a release, by what the time of its completion depends on. What is tallied is taken
-- from where it would stand had it not been acknowledged.
CREATE FUNCTION release_counts(of_release uuid)
RETURNS TABLE (state text, kind_id integer, class bigint, policy_group text, who text, status text, network text,
               clients bigint)
LANGUAGE sql STABLE AS $$
  WITH cell AS MATERIALIZED (
    SELECT * FROM cohort_cells('')
  ), standing AS MATERIALIZED (
    SELECT x.kind_id, x.class, k.who, release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by) AS state
    FROM (SELECT DISTINCT kind_id, class, chain FROM cell) x
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, x.chain, k.labels, k.installed) v
    WHERE v.release = of_release
  )
  SELECT s.state, c.kind_id, c.class, c.policy_group, s.who, o.status, o.network, c.clients
  FROM cell c
  JOIN standing s ON s.kind_id = c.kind_id AND s.class = c.class
  JOIN cohort_presence o ON o.id = c.presence_id
  UNION ALL
  SELECT v.state, NULL, NULL, NULL, NULL, NULL, NULL, v.sign * t.acknowledged
  FROM release_tally t
  JOIN release r ON r.id = t.release
  CROSS JOIN LATERAL (
    VALUES ('acknowledged', 1), (CASE WHEN r.withdrawn_at IS NULL THEN 'superseded' ELSE 'withdrawn' END, -1)
  ) AS v (state, sign)
  WHERE t.release = of_release
$$;

-- Counts everything from nothing.
CREATE FUNCTION rebuild_counts() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ids text[];
  last text := '';
BEGIN
  DELETE FROM cohort;
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
  LOOP
    SELECT array_agg(id), max(id) INTO ids, last FROM (
      SELECT id FROM client WHERE id > last AND removed_at IS NULL ORDER BY id LIMIT 10000) page;
    EXIT WHEN ids IS NULL;
    PERFORM count_clients(ids, '{}');
  END LOOP;
END $$;

-- Where the counts and the clients themselves disagree: nowhere. It looks at every client.
CREATE FUNCTION count_differences() RETURNS TABLE (what text, of text, counted bigint, scanned bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    SELECT 'clients' AS what,
           concat_ws(' ', g.path, p.status, p.network, p.network_name, w.items) AS of, sum(w.clients) AS n
    FROM group_node g
    CROSS JOIN LATERAL cohort_work(g.path) w
    JOIN cohort_presence p ON p.id = w.presence_id GROUP BY 1, 2
    UNION ALL
    SELECT 'release', concat_ws(' ', r.id, s.state), sum(s.clients)
    FROM release r CROSS JOIN LATERAL release_counts(r.id) s GROUP BY 1, 2
  ), scanned AS (
    SELECT 'clients' AS what,
           concat_ws(' ', g.path, coalesce(p.status, 'Offline'), coalesce(p.network, 'direct'),
             coalesce(p.network_name, ''), coalesce(w.items, 0)) AS of, count(*) AS n
    FROM group_node g
    JOIN client c ON g.path = '' OR c.group_path = g.path OR starts_with(c.group_path, g.path || '/')
    LEFT JOIN presence p ON p.client_id = c.id
    LEFT JOIN (SELECT client_id, count(*) AS items FROM undelivered_work GROUP BY 1) w ON w.client_id = c.id
    WHERE c.removed_at IS NULL GROUP BY 1, 2
    UNION ALL
    SELECT 'release', concat_ws(' ', release, state), count(*) FROM release_standing GROUP BY 1, 2
  )
  SELECT what, of, coalesce(c.n, 0)::bigint, coalesce(s.n, 0)::bigint
  FROM counted c FULL JOIN scanned s USING (what, of)
  WHERE coalesce(c.n, 0) <> coalesce(s.n, 0)
$$;

SELECT rebuild_counts();
