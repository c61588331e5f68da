import type { QueueItem } from '#contracts';
import type { Queryable } from '#event-log';

/** A client's undelivered work, and, on request, what became of the rest: newest first. */
export const readQueue = async (db: Queryable, clientId: string, all: boolean): Promise<readonly QueueItem[]> => {
  const open = await selectOpen(db, clientId);
  return all ? [...open, ...(await selectFinished(db, clientId))] : open;
};

const selectOpen = (db: Queryable, clientId: string) => db<QueueItem[]>`
  SELECT w.kind, w.key, w.revision, w.state, w.release,
         greatest(c.registered_at, coalesce(e.recorded_at, c.registered_at)) AS "queuedAt",
         w.delivered_at AS "deliveredAt", w.attempts, w.deliver_by AS "deliverBy", w.error
  FROM undelivered_work w
  JOIN client c ON c.id = w.client_id
  LEFT JOIN event e ON e.lane = c.lane AND e.position = w.position
  WHERE w.client_id = ${clientId}
  ORDER BY w.position DESC`;

/**
 * What is not in the queue any more: done; overtaken by something newer (G4); or too late (G5). Work that nothing ever
 * happened to has no row of its own and is found as a release that is for the client and is not its newest.
 */
const selectFinished = (db: Queryable, clientId: string) => db<QueueItem[]>`
  WITH c AS (SELECT * FROM client WHERE id = ${clientId}),
  targeted AS (
    SELECT r.*, row_number() OVER (PARTITION BY r.component ORDER BY r.position DESC) AS age
    FROM c JOIN release r ON release_targets(r.target, c.id, c.group_path, c.labels)
  ),
  updates AS (
    SELECT 'update' AS kind, coalesce(t.component, d.key) AS key, coalesce(t.version, d.revision) AS revision,
           CASE WHEN d.state = 'acknowledged' OR c.installed->>coalesce(t.component, d.key) = coalesce(t.version, d.revision)
                  THEN 'acknowledged'
                WHEN t.age = 1 AND t.deliver_by <= now() THEN 'expired'
                WHEN t.age = 1 THEN NULL
                ELSE 'superseded' END AS state,
           coalesce(t.id, d.release) AS release, greatest(c.registered_at, coalesce(t.published_at, d.delivered_at)) AS "queuedAt",
           d.delivered_at AS "deliveredAt", coalesce(d.attempts, 0) AS attempts, t.deliver_by AS "deliverBy", d.error
    FROM c
    CROSS JOIN (targeted t
      FULL JOIN (SELECT * FROM delivery WHERE client_id = ${clientId} AND kind = 'update') d
        ON d.key = t.component AND d.revision = t.version)
  ),
  settings AS (
    SELECT 'settings' AS kind, d.key, d.revision,
           CASE WHEN d.state = 'acknowledged' THEN 'acknowledged' ELSE 'superseded' END AS state,
           NULL::uuid AS release, greatest(c.registered_at, coalesce(e.recorded_at, d.delivered_at)) AS "queuedAt",
           d.delivered_at AS "deliveredAt", d.attempts, NULL::timestamptz AS "deliverBy", d.error
    FROM c JOIN delivery d ON d.client_id = c.id AND d.kind = 'settings'
    LEFT JOIN event e ON e.lane = c.lane AND e.position = d.revision::bigint
    WHERE NOT EXISTS (
      SELECT FROM undelivered_work w WHERE w.client_id = c.id AND w.kind = 'settings' AND w.revision = d.revision)
  )
  SELECT * FROM (SELECT * FROM updates WHERE state IS NOT NULL UNION ALL SELECT * FROM settings) finished
  ORDER BY "queuedAt" DESC, key, revision`;
