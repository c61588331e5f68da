import type { ProgressState, ReleaseClient, ReleaseClientsQuery, Status } from '#contracts';
import { expectedAt, lackReasonOf } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { decodeCursor, encodeCursor, pageOf } from '../paging.js';
import { findCandidates, nextClients } from './find-candidates.js';
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
  readonly isHeld: boolean;
  readonly admittedAt: Date | null;
};

/** One page of the clients that a release is for, by id, and why each lacks it that does (G10). */
export const listReleaseClients = async (db: Queryable, scope: Scope, id: string, query: ReleaseClientsQuery) => {
  const { state, limit, cursor } = query;
  const after = cursor === undefined ? '' : (decodeCursor(cursor, 1)[0] ?? '');
  const near = await nextClients(db, scope, after);
  const nearRows = await selectRows(db, id, query, near.candidates);
  const isNear = nearRows.length > limit || near.end === undefined;
  const { candidates, end } = isNear ? near : await findCandidates(db, scope, { id, state, after, count: limit + 1 });
  const rows = isNear ? nearRows : await selectRows(db, id, query, candidates);
  const page = pageOf(rows, limit, (row) => [row.client]);
  const nextCursor = page.nextCursor ?? (end === undefined ? null : encodeCursor([end]));
  const policies = await readPolicies(db, page.items);
  const now = new Date();
  return { nextCursor, items: page.items.map((row) => describe(row, { policy: policies(row), now })) };
};

const selectRows = (db: Queryable, id: string, { state, limit }: ReleaseClientsQuery, candidates: readonly string[]) =>
  db<Row[]>`
    SELECT s.client_id AS client, c.name, c.group_path AS "group", own.key AS own, s.state, s.attempts,
           coalesce(p.status, 'Offline') AS status, coalesce(p.network, 'direct') AS network,
           s.delivered_at AS "deliveredAt", s.error, s.paused_at IS NOT NULL AS "isPaused",
           r.held_at IS NOT NULL AS "isHeld", s.admitted_at AS "admittedAt"
    FROM unnest(${[...candidates]}::text[]) k (client_id)
    CROSS JOIN LATERAL (SELECT * FROM release_standing s WHERE s.release = ${id} AND s.client_id = k.client_id OFFSET 0) s
    JOIN client c ON c.id = k.client_id
    LEFT JOIN presence p ON p.client_id = k.client_id
    JOIN release r ON r.id = s.release
    LEFT JOIN settings_level own ON own.scope = 'client' AND own.key = k.client_id
    WHERE ${state === undefined ? db`true` : db`s.state = ${state}`}
    ORDER BY k.client_id LIMIT ${limit + 1}`;

type Context = Pick<Parameters<typeof expectedAt>[1], 'policy' | 'now'>;

const describe = (row: Row, context: Context): Omit<ReleaseClient, TimeKey> & Record<TimeKey, Date | null> => {
  const { client, name, status, network, state, attempts, deliveredAt, error, isPaused, isHeld, admittedAt } = row;
  const standing = { state, isOnline: status.endsWith('Online'), isPaused, isHeld, admittedAt };
  const why = lackReasonOf(standing, context.now);
  const expected = expectedAt(standing, { ...context, network });
  return { client, name, status, state, why, attempts, deliveredAt, error, admittedAt, expectedAt: expected };
};
type TimeKey = 'deliveredAt' | 'admittedAt' | 'expectedAt';
