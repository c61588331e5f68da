-- What administrators did: where in the log it stands, and by what it is looked for.
CREATE TABLE audit (
  position  bigint      PRIMARY KEY,
  at        timestamptz NOT NULL,
  actor     text        NOT NULL,
  type      text        NOT NULL,
  client_id text,
  -- The groups that it was about, each with those above it; none of what was about the fleet.
  groups    text[]      NOT NULL
);
CREATE INDEX audit_actor_idx ON audit (actor, position);
CREATE INDEX audit_type_idx ON audit (type, position);
CREATE INDEX audit_client_idx ON audit (client_id, position) WHERE client_id IS NOT NULL;
CREATE INDEX audit_at_idx ON audit (at, position);
CREATE INDEX audit_groups_idx ON audit USING gin (groups);

-- What was done before there was this table; a client's acts under the group that it is in today.
INSERT INTO audit (position, at, actor, type, client_id, groups)
SELECT position, recorded_at, meta->>'actor', type, client_id,
       CASE WHEN path IS NULL THEN '{}' ELSE group_chain(path) END
FROM event e CROSS JOIN LATERAL (
  SELECT CASE
    WHEN client_id IS NOT NULL THEN (SELECT group_path FROM client c WHERE c.id = e.client_id)
    WHEN type = 'settings-changed' THEN data->'level'->>'path'
    WHEN type = 'group-removed' THEN data->>'path'
  END AS path
) about
WHERE meta->>'actor' LIKE 'admin:%';
