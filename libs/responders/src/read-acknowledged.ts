import type { AcknowledgedWork } from '#domain';
import type { Queryable } from '#event-log';

/** Acknowledged work, with the request that carried it. */
export type AcknowledgedRow = AcknowledgedWork & { readonly clientId: string; readonly request: string | null };

/** What these clients acknowledged and are still taken to have; each version with those released after it. */
export const readAcknowledged = async (
  db: Queryable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly AcknowledgedRow[]>> => {
  if (ids.length === 0) return new Map();
  const rows = await db<AcknowledgedRow[]>`
    SELECT d.client_id AS "clientId", d.kind, d.key, d.revision, d.release, d.request,
           ARRAY(SELECT n.version FROM release n JOIN release r ON r.component = n.component AND r.position < n.position
                 WHERE r.id = d.release) AS newer
    FROM delivery d
    JOIN client c ON c.id = d.client_id
    WHERE d.client_id = ANY(${[...ids]}) AND d.state = 'acknowledged'
      AND CASE d.kind WHEN 'settings' THEN d.revision = c.settings_revision::text
                      ELSE d.revision = c.installed->>d.key END`;
  const byClient = new Map<string, AcknowledgedRow[]>();
  for (const row of rows) {
    const known = byClient.get(row.clientId);
    if (known) known.push(row);
    else byClient.set(row.clientId, [row]);
  }
  return byClient;
};
