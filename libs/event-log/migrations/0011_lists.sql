-- Lists answer from an index, whatever they filter and sort by, with a million clients.

-- A client has a row in presence from its registration on; `network` is null until the lane has heard of it.
ALTER TABLE presence ALTER COLUMN network DROP NOT NULL;
INSERT INTO presence (client_id, status, cause, since)
SELECT id, 'Offline', 'registered', registered_at FROM client WHERE removed_at IS NULL
ON CONFLICT (client_id) DO NOTHING;

-- Status and since change with every transition. The group hardly ever does, and is here so that one index serves the
-- clients of a group by the time of their last transition.
ALTER TABLE presence ADD COLUMN group_path text NOT NULL DEFAULT '';
UPDATE presence p SET group_path = c.group_path FROM client c WHERE c.id = p.client_id AND c.group_path <> '';

-- A transition is written to each of these. Who was removed is in none: nobody lists them, and they would come first
-- among those that are offline for the longest time.
DROP INDEX presence_status_idx;
CREATE INDEX presence_status_idx ON presence (status, client_id) WHERE cause NOT IN ('uninstalled', 'inactive');
CREATE INDEX presence_since_idx ON presence (status, since, client_id)
  WHERE cause NOT IN ('uninstalled', 'inactive');
CREATE INDEX presence_group_idx ON presence (group_path, since, client_id) INCLUDE (status)
  WHERE cause NOT IN ('uninstalled', 'inactive');
CREATE INDEX presence_network_idx ON presence (network_name, client_id)
  WHERE network_name IS NOT NULL AND cause NOT IN ('uninstalled', 'inactive');

-- What these hold changes when a client registers or is edited, and never by what it confirms: with room left on its
-- page, the row then moves within it and no index is written (a heap-only update).
ALTER TABLE client SET (fillfactor = 80);
ALTER TABLE client ADD COLUMN list_name text NOT NULL GENERATED ALWAYS AS (coalesce(name, '')) STORED;
CREATE INDEX client_name_idx ON client (list_name, id) WHERE removed_at IS NULL;
CREATE INDEX client_registered_idx ON client (registered_at, id) WHERE removed_at IS NULL;
DROP INDEX client_group_idx;
CREATE INDEX client_group_idx ON client (group_path, id) WHERE removed_at IS NULL;
CREATE INDEX client_group_name_idx ON client (group_path, list_name, id) WHERE removed_at IS NULL;
CREATE INDEX client_group_registered_idx ON client (group_path, registered_at, id) WHERE removed_at IS NULL;
CREATE INDEX IF NOT EXISTS client_labels_idx ON client USING gin (labels jsonb_path_ops)
  WHERE removed_at IS NULL;

-- For `q`, a part of the id or the name. Where the extension is not to be had, every client is looked at.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX client_search_idx ON client USING gin ((id || chr(31) || list_name) gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE removed_at IS NULL;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
  RAISE NOTICE 'pg_trgm is not available: lists of clients with `q` will be slow in a large fleet';
END $$;
-- How many clients have the part is estimated from a sample; the index's own is not looked at.
CREATE STATISTICS client_search_statistics ON (id || chr(31) || list_name) FROM client;

-- A release's clients of one state, in the order of their ids.
DROP INDEX delivery_release_idx;
CREATE INDEX delivery_release_idx ON delivery (release, state, client_id) WHERE release IS NOT NULL;

-- Facts of one type, and of one type about one client, in the order of the log.
CREATE INDEX event_type_idx ON event (lane, type, position);
