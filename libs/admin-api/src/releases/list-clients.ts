import type { ProgressState, ReleaseClient, ReleaseClientsQuery, Status } from '#contracts';
import { expectedAt, lackReasonOf } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
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
  readonly isHeld: boolean;
  readonly admittedAt: Date | null;
};

/** One page of the clients that a release is for, by id, and why each lacks it that does (G10). */
export const listReleaseClients = async (db: Queryable, scope: Scope, id: string, query: ReleaseClientsQuery) => {
  const rows = await selectRows(db, scope, id, query);
  const page = pageOf(rows, query.limit, (row) => [row.client]);
  const policies = await readPolicies(db, page.items);
  const now = new Date();
  return { ...page, items: page.items.map((row) => describe(row, { policy: policies(row), now })) };
};

const selectRows = (db: Queryable, scope: Scope, id: string, { state, limit, cursor }: ReleaseClientsQuery) => {
  const after = cursor === undefined ? '' : (decodeCursor(cursor, 1)[0] ?? '');
  return db<Row[]>`
    SELECT s.client_id AS client, c.name, c.group_path AS "group", own.key AS own, s.state, s.attempts,
           coalesce(p.status, 'Offline') AS status, coalesce(p.network, 'direct') AS network,
           s.delivered_at AS "deliveredAt", s.error, s.paused_at IS NOT NULL AS "isPaused",
           r.held_at IS NOT NULL AS "isHeld", s.admitted_at AS "admittedAt"
    FROM ${candidates(db, scope, id, state, after)} k
    CROSS JOIN LATERAL (SELECT * FROM release_standing s WHERE s.release = ${id} AND s.client_id = k.client_id OFFSET 0) s
    JOIN client c ON c.id = k.client_id
    LEFT JOIN presence p ON p.client_id = k.client_id
    JOIN release r ON r.id = s.release
    LEFT JOIN settings_level own ON own.scope = 'client' AND own.key = k.client_id
    WHERE ${state === undefined ? db`true` : db`s.state = ${state} AND ${isPossible(db, id, state)}`}
      ${scope.condition(db, 'c.group_path')}
    ORDER BY k.client_id LIMIT ${limit + 1}`;
};

/**
 * Whose standing is worked out, in the order of their ids until the page is full: those to whom it was delivered, or who
 * failed, have a row that says so; all others may be anywhere.
 */
const candidates = (db: Queryable, scope: Scope, id: string, state: ProgressState | undefined, after: string) =>
  state === 'delivered' || state === 'failed'
    ? db`(SELECT client_id FROM delivery WHERE release = ${id} AND state = ${state} AND client_id > ${after}
          ORDER BY client_id OFFSET 0)`
    : db`(SELECT id AS client_id FROM client WHERE removed_at IS NULL AND id > ${after}
            ${scope.isFleet ? db`` : db`AND group_path = ANY(${scope.paths(db)})`}
          ORDER BY id OFFSET 0)`;

/** Whether any client can be in a state by what became of the release; asked once, before anybody's standing is. */
const isPossible = (db: Queryable, id: string, state: ProgressState) => {
  const conditions = {
    pending: db`is_current`,
    delivered: db`is_current`,
    failed: db`is_current`,
    expired: db`is_current AND deliver_by <= now()`,
    superseded: db`NOT is_current OR NOT is_newest OR is_before_withdrawn`,
    withdrawn: db`withdrawn_at IS NOT NULL`,
    acknowledged: db`true`,
  };
  return db`(SELECT ${conditions[state]} FROM release WHERE id = ${id})`;
};

type Context = Pick<Parameters<typeof expectedAt>[1], 'policy' | 'now'>;

const describe = (row: Row, context: Context): Omit<ReleaseClient, TimeKey> & Record<TimeKey, Date | null> => {
  const { client, name, status, network, state, attempts, deliveredAt, error, isPaused, isHeld, admittedAt } = row;
  const standing = { state, isOnline: status.endsWith('Online'), isPaused, isHeld, admittedAt };
  const why = lackReasonOf(standing, context.now);
  const expected = expectedAt(standing, { ...context, network });
  return { client, name, status, state, why, attempts, deliveredAt, error, admittedAt, expectedAt: expected };
};
type TimeKey = 'deliveredAt' | 'admittedAt' | 'expectedAt';
