-- Lists find what is rare by an index too: few letters of a name, and who lacks something (ADR 0010).

-- Takes a minute or two with a million clients: two indexes are built.

-- What a name is found by: three letters from each of its letters on, fewer at its end; likewise of the id.
CREATE FUNCTION name_parts(id text, name text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  parts text[] := '{}';
  word  text;
BEGIN
  FOREACH word IN ARRAY ARRAY[lower(id), lower(name)] LOOP
    FOR i IN 1..length(word) LOOP parts := parts || substr(word, i, 3); END LOOP;
  END LOOP;
  RETURN array_to_tsvector(parts);
END $$;

-- That all three letters in a row of a part are among them; a part of one or two letters is how one of them begins.
CREATE FUNCTION name_query(part text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg(DISTINCT
           '''' || replace(replace(substr(l.part, i, 3), '\', '\\'), '''', '''''') || '''' ||
           CASE WHEN length(l.part) < 3 THEN ':*' ELSE '' END, ' & ')::tsquery
  FROM (SELECT lower(part) AS part) l
  CROSS JOIN generate_series(1, greatest(1, length(l.part) - 2)) i
$$;

DROP INDEX IF EXISTS client_search_idx;
CREATE INDEX client_parts_idx ON client USING gin (name_parts(id, list_name))
  WITH (gin_pending_list_limit = 256) WHERE removed_at IS NULL;

-- Who is in a cohort. A transition, which changes nothing but the presence, writes to no index still.
CREATE INDEX cohort_member_work_idx ON cohort_member (kind_id, group_id, settled_with);

-- The cohorts of a group and those below it ('' is all), and how many pieces of work each client of one lacks.
CREATE FUNCTION cohorts_lacking(within text)
RETURNS TABLE (kind_id integer, group_id integer, settled_with bigint, presence_id integer, clients integer, items bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group WHERE within = '' OR path = within OR starts_with(path, within || '/')
  ), cell AS MATERIALIZED (
    SELECT c.*, p.class, (c.settled_with <> p.above)::integer AS settings
    FROM cohort c JOIN place p ON p.group_id = c.group_id
  ), updates AS MATERIALIZED (
    SELECT x.kind_id, x.class, count(*) AS items
    FROM (SELECT DISTINCT kind_id, class FROM cell) x
    JOIN (SELECT DISTINCT class, chain FROM place) p ON p.class = x.class
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, p.chain, k.labels, k.installed) v
    WHERE v.is_current
      AND release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by)
        IN ('pending', 'delivered', 'failed')
    GROUP BY x.kind_id, x.class
  )
  SELECT c.kind_id, c.group_id, c.settled_with, c.presence_id, c.clients, c.settings + coalesce(u.items, 0)
  FROM cell c LEFT JOIN updates u ON u.kind_id = c.kind_id AND u.class = c.class
$$;

-- How the clients of each kind in each group stand with a release; but for those whose acknowledgement is only tallied.
CREATE FUNCTION cohorts_standing(of_release uuid)
RETURNS TABLE (kind_id integer, group_id integer, state text, clients bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group
  ), cell AS MATERIALIZED (
    SELECT c.kind_id, c.group_id, p.class, sum(c.clients) AS clients
    FROM cohort c JOIN place p ON p.group_id = c.group_id GROUP BY 1, 2, 3
  ), standing AS MATERIALIZED (
    SELECT x.kind_id, x.class, release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by) AS state
    FROM (SELECT DISTINCT kind_id, class FROM cell) x
    JOIN (SELECT DISTINCT class, chain FROM place) p ON p.class = x.class
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, p.chain, k.labels, k.installed) v
    WHERE v.release = of_release
  )
  SELECT c.kind_id, c.group_id, s.state, c.clients
  FROM cell c JOIN standing s ON s.kind_id = c.kind_id AND s.class = c.class
$$;
