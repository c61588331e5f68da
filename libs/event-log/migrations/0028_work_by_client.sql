-- As before; client by client. Of a small table, such as the groups, statistics are never taken, and a plan that is kept began
-- with them: it looked for every client in every group, 440 searches for 22 clients.
CREATE OR REPLACE FUNCTION undelivered_work_of(ids text[]) RETURNS SETOF undelivered_work
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY
    SELECT w.* FROM unnest(ids) AS x (id)
    CROSS JOIN LATERAL (SELECT * FROM undelivered_work WHERE client_id = x.id OFFSET 0) w;
END $$;
