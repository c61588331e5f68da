import type { Status } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';

export type FleetCounts = {
  readonly total: number;
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly undelivered: { readonly clients: number; readonly items: number };
};

type Row = { readonly status: Status; readonly total: number; readonly clients: number; readonly items: number };

/** How many clients there are, of each status, and how many lack how much: exact, as of one moment. */
export const countFleetNow = async (db: Queryable, scope: Scope): Promise<FleetCounts> => {
  const rows = await db<Row[]>`
    SELECT p.status, sum(w.clients)::integer AS total,
           coalesce(sum(w.clients) FILTER (WHERE w.items > 0), 0)::integer AS clients,
           sum(w.clients * w.items)::integer AS items
    FROM cohort_work(${scope.group}) w JOIN cohort_presence p ON p.id = w.presence_id GROUP BY p.status`;
  const sum = (column: 'total' | 'clients' | 'items') => rows.reduce((all, row) => all + row[column], 0);
  return {
    total: sum('total'),
    byStatus: byStatusOf(rows.map(({ status, total }) => ({ status, clients: total }))),
    undelivered: { clients: sum('clients'), items: sum('items') },
  };
};

/** Every status with its number, those that nobody has too. */
export const byStatusOf = (
  rows: readonly { readonly status: Status | null; readonly clients: number }[],
): Record<Status, number> => {
  const byStatus = { Online: 0, Offline: 0, 'Unreachable/Online': 0, 'Unreachable/Offline': 0 };
  for (const { status, clients } of rows) if (status) byStatus[status] += clients;
  return byStatus;
};
