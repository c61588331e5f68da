import type { Cause, FactOf, Status } from '#contracts';
import type { Transaction } from '#event-log';
import { ofType } from '../inline/batches.js';
import type { Follower } from './follower.js';
import { Timelines, type Transition } from './timelines.js';

/** The status of every client, and of the fleet, at any time: what `asOf` and the fleet's history read (G2). */
export const history: Follower = {
  name: 'history',
  version: 2,
  handles: ['client-status-changed'],
  tables: ['fleet_delta', 'status_history'],
  atOnce: 2_000,
  apply: async (batch, tx) => {
    const changes = ofType(batch, 'client-status-changed').map(toTransition);
    const timelines = new Timelines(await selectConcerned(changes, tx));
    for (const change of changes) timelines.add(change);
    await deleteOvertaken(timelines.overtaken, tx);
    await insertAdded(timelines.added, tx);
    await addDeltas(timelines, tx);
  },
};

const toTransition = ({ client, position, data }: FactOf<'client-status-changed'>): Transition => ({
  client: client ?? '',
  position,
  at: Date.parse(data.at),
  status: data.status,
  cause: data.cause,
});

type Row = {
  readonly client: string;
  readonly position: bigint;
  readonly at: Date;
  readonly status: Status;
  readonly cause: Cause;
};

/** Of each client of a batch: what it was before the batch's first transition of it, and all that comes after that. */
const selectConcerned = async (
  changes: readonly Transition[],
  tx: Transaction,
): Promise<ReadonlyMap<string, Transition[]>> => {
  const first = new Map<string, number>();
  for (const { client, at } of changes) first.set(client, Math.min(first.get(client) ?? at, at));
  const rows = await tx<Row[]>`
    SELECT h.client_id AS client, h.position, h.at, h.status, h.cause
    FROM unnest(
      ${[...first.keys()]}::text[], ${[...first.values()].map((at) => new Date(at).toISOString())}::timestamptz[]
    ) AS c (id, at)
    CROSS JOIN LATERAL (
      (SELECT * FROM status_history s WHERE s.client_id = c.id AND s.at <= c.at
       ORDER BY s.at DESC, s.position DESC LIMIT 1)
      UNION ALL
      (SELECT * FROM status_history s WHERE s.client_id = c.id AND s.at > c.at)
    ) h
    ORDER BY h.position`;
  const known = new Map<string, Transition[]>();
  for (const row of rows) known.set(row.client, [...(known.get(row.client) ?? []), { ...row, at: row.at.getTime() }]);
  return known;
};

const deleteOvertaken = async (overtaken: readonly Transition[], tx: Transaction): Promise<void> => {
  if (overtaken.length === 0) return;
  await tx`
    DELETE FROM status_history h
    USING unnest(
      ${overtaken.map(({ client }) => client)}::text[], ${overtaken.map(({ position }) => String(position))}::bigint[]
    ) AS o (client_id, position)
    WHERE h.client_id = o.client_id AND h.position = o.position`;
};

const insertAdded = (added: Timelines['added'], tx: Transaction) => tx`
  INSERT INTO status_history (client_id, at, position, status, cause, counted, counted_before)
  SELECT * FROM unnest(
    ${added.map(({ client }) => client)}::text[],
    ${added.map(({ at }) => new Date(at).toISOString())}::timestamptz[],
    ${added.map(({ position }) => String(position))}::bigint[],
    ${added.map(({ status }) => status)}::text[],
    ${added.map(({ cause }) => cause)}::text[],
    ${added.map(({ counted }) => counted)}::text[],
    ${added.map(({ countedBefore }) => countedBefore)}::text[]
  )`;

const addDeltas = async ({ deltas }: Timelines, tx: Transaction): Promise<void> => {
  await tx`
    INSERT INTO fleet_delta AS f (span, start, status, delta)
    SELECT span, date_trunc(span, minute), status, sum(delta)
    FROM unnest(
      ${deltas.map(({ minute }) => new Date(minute).toISOString())}::timestamptz[],
      ${deltas.map(({ status }) => status)}::text[],
      ${deltas.map(({ delta }) => String(delta))}::integer[]
    ) AS d (minute, status, delta)
    CROSS JOIN (VALUES ('hour'), ('minute')) AS s (span)
    GROUP BY 1, 2, 3
    ON CONFLICT (span, start, status) DO UPDATE SET delta = f.delta + excluded.delta`;
};
