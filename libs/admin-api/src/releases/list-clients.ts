import type { ProgressState, ReleaseClient, ReleaseClientsQuery, Status } from '#contracts';
import { expectedAt, lackReasonOf } from '#domain';
import type { Queryable } from '#event-log';
import { decodeCursor, pageOf } from '../paging.js';
import { readPolicies } from './policies.js';

type Row = {
  readonly client: string;
  readonly name: string | null;
  readonly status: Status;
  readonly network: 'direct' | 'unreachable';
  readonly group: string;
  readonly own: string | null;
  readonly state: ProgressState;
  readonly attempts: number;
  readonly deliveredAt: Date | null;
  readonly error: string | null;
  readonly isPaused: boolean;
  readonly admittedAt: Date | null;
};

/** One page of the clients that a release is for, by id, and why each lacks it that does (G10). */
export const listReleaseClients = async (db: Queryable, id: string, query: ReleaseClientsQuery) => {
  const rows = await selectRows(db, id, query);
  const page = pageOf(rows, query.limit, (row) => [row.client]);
  const policies = await readPolicies(db, page.items);
  const now = new Date();
  return { ...page, items: page.items.map((row) => describe(row, { policy: policies(row), now })) };
};

const selectRows = (db: Queryable, id: string, { state, limit, cursor }: ReleaseClientsQuery) => {
  const after = cursor === undefined ? '' : (decodeCursor(cursor, 1)[0] ?? '');
  return db<Row[]>`
    SELECT s.client_id AS client, c.name, c.group_path AS "group", own.key AS own, s.state, s.attempts,
           coalesce(p.status, 'Offline') AS status, coalesce(p.network, 'direct') AS network,
           s.delivered_at AS "deliveredAt", s.error, s.paused_at IS NOT NULL AS "isPaused", s.admitted_at AS "admittedAt"
    FROM release_standing s
    JOIN client c ON c.id = s.client_id
    LEFT JOIN presence p ON p.client_id = s.client_id
    LEFT JOIN settings_level own ON own.scope = 'client' AND own.key = s.client_id
    WHERE s.release = ${id} AND s.client_id > ${after} ${state === undefined ? db`` : db`AND s.state = ${state}`}
    ORDER BY s.client_id LIMIT ${limit + 1}`;
};

type Context = Pick<Parameters<typeof expectedAt>[1], 'policy' | 'now'>;

const describe = (row: Row, context: Context): Omit<ReleaseClient, TimeKey> & Record<TimeKey, Date | null> => {
  const { client, name, status, network, state, attempts, deliveredAt, error, isPaused, admittedAt } = row;
  const standing = { state, isOnline: status.endsWith('Online'), isPaused, admittedAt };
  const why = lackReasonOf(standing, context.now);
  const expected = expectedAt(standing, { ...context, network });
  return { client, name, status, state, why, attempts, deliveredAt, error, admittedAt, expectedAt: expected };
};
type TimeKey = 'deliveredAt' | 'admittedAt' | 'expectedAt';
