-- Lists of who stands so with a release answer at once where hardly anybody does. Nothing is read or written but functions.

-- As before, but which kinds of clients stand how is worked out first, for each kind once and not for each of its cohorts;
-- only of those that are asked for the cohorts are then looked up. IS TRUE keeps Postgres from turning it into a join, in
-- which it might look a kind's cohorts up for each group. With 40,000 cohorts this takes 12 ms of CPU in place of 320 where
-- nobody stands so, and 50 where everybody does.
CREATE OR REPLACE FUNCTION cohorts_standing(of_release uuid)
RETURNS TABLE (kind_id integer, group_id integer, state text, clients bigint)
LANGUAGE sql STABLE AS $$
  WITH place AS MATERIALIZED (
    SELECT * FROM cohort_group
  ), sum AS MATERIALIZED (
    SELECT DISTINCT s.kind_id, p.class FROM cohort_sum s JOIN place p ON p.group_id = s.under
  ), standing AS MATERIALIZED (
    SELECT x.kind_id, x.class, release_state(v.verdict, k.deliveries->v.component->>v.version, v.deliver_by) AS state
    FROM sum x
    JOIN (SELECT DISTINCT class, chain FROM place) p ON p.class = x.class
    JOIN cohort_kind k ON k.id = x.kind_id
    CROSS JOIN LATERAL release_verdicts(k.who, p.chain, k.labels, k.installed) v
    WHERE v.release = of_release
  )
  SELECT s.kind_id, c.group_id, s.state, c.clients::bigint
  FROM standing s
  CROSS JOIN LATERAL (
    SELECT c.group_id, c.clients FROM cohort c WHERE c.kind_id = s.kind_id OFFSET 0
  ) c
  WHERE ((c.group_id, s.class) IN (SELECT p.group_id, p.class FROM place p)) IS TRUE
$$;
