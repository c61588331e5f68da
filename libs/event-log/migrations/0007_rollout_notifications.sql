-- Releases that are rolled out over time, go on after a pause, or come back after a newer one was withdrawn are told to
-- direct clients too (R18).

-- The direct clients in the order in which every rollout admits them.
CREATE INDEX presence_direct_place_idx ON presence (rollout_place(client_id), client_id) WHERE network = 'direct';

-- Up to which place a release admits clients by now; 1 and more is everybody. A millisecond behind, lest rounding lets
-- somebody in whose time of admission, which is exact to the microsecond, has not come.
CREATE FUNCTION admitted_place(rollout_from timestamptz, rollout_over bigint, paused_at timestamptz)
RETURNS double precision LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN rollout_over IS NULL THEN 1 ELSE
    (extract(epoch FROM coalesce(paused_at, statement_timestamp()) - rollout_from) * 1000 - 1)::double precision
      / rollout_over END
$$;

-- A round that tells a release goes through the clients in the order of their places, and stays as long as there are
-- some to be admitted: `cursor` is the last of those that were. `is_withdrawal`: what is told is not the release, which
-- was withdrawn, but older ones that it had superseded.
ALTER TABLE notification_round ADD COLUMN is_withdrawal boolean NOT NULL DEFAULT false;
UPDATE notification_round SET cursor = '' WHERE reason = 'update';
CREATE FUNCTION round_place(cursor text) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN cursor = '' THEN -1 ELSE rollout_place(cursor) END
$$;

-- Rollouts under way.
INSERT INTO notification_round (position, reason, component, release)
SELECT position, 'update', component, id FROM release
WHERE withdrawn_at IS NULL AND paused_at IS NULL AND admitted_place(rollout_from, rollout_over, NULL) < 1
ON CONFLICT DO NOTHING;
