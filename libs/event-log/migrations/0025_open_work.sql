-- The queues of some clients, by a plan that is kept. Left to choose, Postgres plans every batch of polls anew (9 ms), and where
-- there are few groups goes through all the clients of each: 650 ms in place of 80 for 400 clients of 200,000.
CREATE FUNCTION undelivered_work_of(ids text[]) RETURNS SETOF undelivered_work
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY SELECT * FROM undelivered_work WHERE client_id = ANY(ids);
END $$;
