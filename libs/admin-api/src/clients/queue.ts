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
         w.delivered_at AS "deliveredAt", w.attempts, w.deliver_by AS "deliverBy", w.error,
         CASE w.kind WHEN 'settings' THEN NOT w.is_deliverable ELSE r.held_at IS NOT NULL END AS held
  FROM undelivered_work w
  JOIN client c ON c.id = w.client_id
  LEFT JOIN event e ON e.position = w.position
  LEFT JOIN release r ON r.id = w.release
  WHERE w.client_id = ${clientId}
  ORDER BY w.position DESC`;

/**
 * What is not in the queue any more: done; overtaken by something newer (G4); too late (G5); or withdrawn. Also what was
 * delivered by releases that are not for the client any more. OFFSET 0 keeps Postgres from joining what is asked of this
 * client alone with the standing of all.
 */
const selectFinished = (db: Queryable, clientId: string) => db<QueueItem[]>`
  WITH c AS (SELECT * FROM client WHERE id = ${clientId}),
  updates AS (
    SELECT 'update' AS kind, s.component AS key, s.version AS revision, s.state, s.release,
           greatest(c.registered_at, r.published_at) AS "queuedAt", s.delivered_at AS "deliveredAt", s.attempts,
           s.deliver_by AS "deliverBy", s.error
    FROM c
    JOIN release_standing s ON s.client_id = ${clientId}
    JOIN release r ON r.id = s.release
    WHERE s.state NOT IN ('pending', 'delivered', 'failed')
  ),
  elsewhere AS (
    SELECT 'update' AS kind, d.key, d.revision,
           CASE WHEN d.state = 'acknowledged' THEN 'acknowledged'
                WHEN r.withdrawn_at IS NOT NULL THEN 'withdrawn' ELSE 'superseded' END AS state,
           d.release, greatest(c.registered_at, coalesce(r.published_at, d.delivered_at, d.settled_at)) AS "queuedAt",
           d.delivered_at AS "deliveredAt", d.attempts, r.deliver_by AS "deliverBy", d.error
    FROM c
    JOIN delivery d ON d.client_id = ${clientId} AND d.kind = 'update'
    LEFT JOIN release r ON r.id = d.release
    WHERE NOT EXISTS (SELECT FROM release_standing s WHERE s.client_id = ${clientId} AND s.release = d.release OFFSET 0)
  ),
  settings AS (
    SELECT 'settings' AS kind, d.key, d.revision,
           CASE WHEN d.state = 'acknowledged' THEN 'acknowledged' ELSE 'superseded' END AS state,
           NULL::uuid AS release, greatest(c.registered_at, coalesce(e.recorded_at, d.delivered_at)) AS "queuedAt",
           d.delivered_at AS "deliveredAt", d.attempts, NULL::timestamptz AS "deliverBy", d.error
    FROM c JOIN delivery d ON d.client_id = ${clientId} AND d.kind = 'settings'
    LEFT JOIN event e ON e.position = d.revision::bigint
    WHERE NOT EXISTS (
      SELECT FROM undelivered_work w WHERE w.client_id = ${clientId} AND w.kind = 'settings' AND w.revision = d.revision OFFSET 0)
  )
  SELECT finished.*, false AS held FROM (TABLE updates UNION ALL TABLE elsewhere UNION ALL TABLE settings) finished
  ORDER BY "queuedAt" DESC, key, revision`;
