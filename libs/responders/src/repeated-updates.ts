import { isRetryOf } from '#domain';
import type { Queryable } from '#event-log';
import type { WorkRequest } from './request.js';

/** Facts of a client that are searched for an update that it started before: far more than a retry needs. */
const searched = 100;

/** Those requests that say again that the client started an update, which the log has already (G7). */
export const findRepeatedUpdates = async (
  db: Queryable,
  requests: readonly WorkRequest[],
): Promise<ReadonlySet<WorkRequest>> => {
  const updates = requests.filter(({ kind }) => kind === 'update');
  if (updates.length === 0) return new Set();
  const rows = await db<{ id: string; request: string; at: Date }[]>`
    SELECT q.id, q.request, e.recorded_at AS at
    FROM unnest(
      ${updates.map(({ clientId }) => clientId)}::text[], ${updates.map(({ identity }) => identity.id)}::text[]
    ) AS q (id, request)
    CROSS JOIN LATERAL (
      SELECT type, meta, recorded_at FROM event WHERE client_id = q.id ORDER BY position DESC LIMIT ${searched}
    ) e
    WHERE e.type = 'update-started' AND coalesce(e.meta->>'request', e.meta->>'correlation') = q.request`;
  const now = new Date();
  return new Set(
    updates.filter(({ clientId, identity }) =>
      rows.some((row) => row.id === clientId && isRetryOf(row, identity, now)),
    ),
  );
};
