import type { AcknowledgedWork } from '#domain';
import type { Queryable } from '#event-log';

/** Acknowledged work, with the request that carried it and when it was acknowledged. */
export type AcknowledgedRow = AcknowledgedWork & {
  readonly clientId: string;
  readonly request: string | null;
  readonly settledAt: Date | null;
};

export type AcknowledgedByClient = ReadonlyMap<string, readonly AcknowledgedRow[]>;

/** What these clients confirmed and are still taken to have; each version with those released after it. */
export const readAcknowledged = async (db: Queryable, ids: readonly string[]): Promise<AcknowledgedByClient> => {
  if (ids.length === 0) return new Map();
  return byClient(
    await db<AcknowledgedRow[]>`
      ${acknowledgedSettings(db, ids)}
      UNION ALL
      SELECT d.client_id, d.kind, d.key, d.revision, d.release, d.request, d.settled_at,
             ARRAY(SELECT n.version FROM release n
                   JOIN release r ON r.component = n.component AND r.position < n.position
                   WHERE r.id = d.release)
      FROM delivery d
      JOIN client c ON c.id = d.client_id
      WHERE d.client_id = ANY(${[...ids]}) AND d.kind = 'update' AND d.state = 'acknowledged'
        AND d.revision = c.installed->>d.key`,
  );
};

/** Of that, the settings alone. */
export const readAcknowledgedSettings = async (db: Queryable, ids: readonly string[]): Promise<AcknowledgedByClient> =>
  byClient(await acknowledgedSettings(db, ids));

const acknowledgedSettings = (db: Queryable, ids: readonly string[]) => db<AcknowledgedRow[]>`
  SELECT c.id AS "clientId", 'settings' AS kind, 'settings' AS key, c.settings_revision::text AS revision,
         NULL::uuid AS release, d.request, d.settled_at AS "settledAt", '{}'::text[] AS newer
  FROM client c
  LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'settings' AND d.revision = c.settings_revision::text
  WHERE c.id = ANY(${[...ids]}) AND c.settings_revision > 0`;

const byClient = (rows: readonly AcknowledgedRow[]): AcknowledgedByClient => {
  const result = new Map<string, AcknowledgedRow[]>();
  for (const row of rows) {
    const known = result.get(row.clientId);
    if (known) known.push(row);
    else result.set(row.clientId, [row]);
  }
  return result;
};
