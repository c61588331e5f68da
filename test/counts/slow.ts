import type { ProgressState } from '#contracts';
import { expectedAt } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../../libs/admin-api/src/access/scope.js';
import type { ClientFilters } from '../../libs/admin-api/src/counts/count-clients.js';
import { readPolicies } from '../../libs/admin-api/src/releases/policies.js';

/** What counts must be: every client looked at, one by one. */

export const slowFleet = async (db: Queryable, scope: Scope) => {
  const [row] = await db<{ clients: number; items: number }[]>`
    SELECT count(DISTINCT w.client_id)::integer AS clients, count(*)::integer AS items
    FROM undelivered_work w JOIN client c ON c.id = w.client_id WHERE true ${scope.condition(db, 'c.group_path')}`;
  return row;
};

export const slowGroups = (db: Queryable) => db<{ path: string; status: string; clients: number }[]>`
  SELECT g.path, coalesce(p.status, 'Offline') AS status, count(*)::integer AS clients
  FROM group_node g
  JOIN client c ON c.removed_at IS NULL AND (g.path = '' OR c.group_path = g.path OR starts_with(c.group_path, g.path || '/'))
  LEFT JOIN presence p ON p.client_id = c.id GROUP BY 1, 2`;

export const slowTotal = async (db: Queryable, filters: ClientFilters): Promise<number> => {
  const { status = null, network = null, label = [], undelivered = null } = filters;
  // The root is everybody.
  const group = filters.group || null;
  const labels: Record<string, string> = {};
  for (const [key = '', value = ''] of label.map((pair) => pair.split(':'))) labels[key] = value;
  const [row] = await db<{ total: number }[]>`
    SELECT count(*)::integer AS total FROM client c LEFT JOIN presence p ON p.client_id = c.id
    WHERE c.removed_at IS NULL
      AND (${status}::text IS NULL OR coalesce(p.status, 'Offline') = ${status})
      AND (${network}::text IS NULL OR p.network_name = ${network} OR coalesce(p.network, 'direct') = ${network})
      AND (${group}::text IS NULL OR c.group_path = ${group} OR starts_with(c.group_path, ${group} || '/'))
      AND c.labels @> ${JSON.stringify(labels)}::text::jsonb
      AND (${undelivered}::text IS NULL
        OR EXISTS (SELECT FROM undelivered_work w WHERE w.client_id = c.id)::text = ${undelivered}::text)`;
  return row?.total ?? 0;
};

type Standing = {
  readonly state: ProgressState;
  readonly group: string;
  readonly own: string;
  readonly isOnline: boolean;
  readonly network: 'direct' | 'unreachable';
  readonly isPaused: boolean;
  readonly admittedAt: Date | null;
};

/** When the last of those that lack a release comes for it, of those that have not had their turn; `none` without any. */
export const slowEta = async (db: Queryable, scope: Scope, release: string, now: Date): Promise<Date | null> => {
  const rows = await db<Standing[]>`
    SELECT s.state, s.group_path AS "group", s.client_id AS own, coalesce(p.status LIKE '%Online', false) AS "isOnline",
           coalesce(p.network, 'direct') AS network, s.paused_at IS NOT NULL AS "isPaused", s.admitted_at AS "admittedAt"
    FROM release_standing s LEFT JOIN presence p ON p.client_id = s.client_id
    WHERE s.release = ${release} AND s.state IN ('pending', 'delivered', 'failed') ${scope.condition(db, 's.group_path')}`;
  if (rows.length === 0) return null;
  const policies = await readPolicies(db, rows);
  const times = rows.map((row) => expectedAt(row, { policy: policies(row), network: row.network, now }));
  const known = times.filter((time) => time !== null);
  return known.length < times.length ? null : new Date(Math.max(...known.map((time) => time.getTime())));
};

/** How many stand how with a release; states that nobody is in are left out. */
export const slowProgress = async (db: Queryable, scope: Scope, release: string): Promise<Record<string, number>> => {
  const rows = await db<{ state: ProgressState; clients: number }[]>`
    SELECT state, count(*)::integer AS clients FROM release_standing
    WHERE release = ${release} ${scope.condition(db, 'group_path')} GROUP BY state`;
  return Object.fromEntries(rows.map(({ state, clients }) => [state, clients]));
};
