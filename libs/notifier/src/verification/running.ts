import { randomUUID } from 'node:crypto';
import type { Lanes } from '#contracts';
import {
  appendFacts,
  type Database,
  FencedError,
  lockLog,
  type Queryable,
  type Transaction,
  transact,
} from '#event-log';
import { inlineProjections } from '#projections';
import { type DirectClient, pageOfDirect } from '../direct-clients.js';

/** The verification that runs, claimed by this worker. */
export type RunningVerification = {
  readonly id: string;
  readonly cursor: string;
  /** Tells this claim from any later one. */
  readonly owner: string;
};

/** Takes the verification that runs, if nobody works on it; `lease` in milliseconds. */
export const claimVerification = async (db: Queryable, lease: number): Promise<RunningVerification | undefined> => {
  const [row] = await db<RunningVerification[]>`
    UPDATE verification v
    SET owner = ${randomUUID()}, leased_until = now() + ${lease} * interval '1 millisecond'
    FROM (SELECT id FROM verification WHERE finished_at IS NULL AND leased_until < now() FOR UPDATE SKIP LOCKED) free
    WHERE v.id = free.id
    RETURNING v.id, v.cursor, v.owner`;
  return row;
};

export const renewVerification = async (
  db: Queryable,
  { id, owner }: RunningVerification,
  lease: number,
): Promise<void> => {
  await db`
    UPDATE verification SET leased_until = now() + ${lease} * interval '1 millisecond'
    WHERE id = ${id} AND owner = ${owner}`;
};

/** Leaves it to whoever comes next. */
export const releaseVerification = async (db: Queryable, { id, owner }: RunningVerification): Promise<void> => {
  await db`UPDATE verification SET leased_until = '-infinity' WHERE id = ${id} AND owner = ${owner}`;
};

/** Counts, once, whom it can ask and whom it skips. */
export const countClients = async (db: Queryable, { id }: RunningVerification): Promise<void> => {
  await db`
    UPDATE verification v SET direct = n.direct, skipped = n.skipped
    FROM (
      SELECT (count(*) FILTER (WHERE p.network = 'direct'))::integer AS direct,
             (count(*) FILTER (WHERE p.network = 'unreachable'))::integer AS skipped
      FROM presence p JOIN client c ON c.id = p.client_id AND c.removed_at IS NULL
    ) n
    WHERE v.id = ${id} AND v.direct IS NULL`;
};

/** The next direct clients; concerned is who is registered. */
export const readVerificationPage = (db: Queryable, cursor: string) => db<DirectClient[]>`
  WITH page AS MATERIALIZED (${pageOfDirect(db, cursor)})
  SELECT page.client_id AS id, coalesce(c.ips, '{}') AS ips, c.id IS NOT NULL AS concerned
  FROM page LEFT JOIN client c ON c.id = page.client_id AND c.removed_at IS NULL
  ORDER BY page.client_id`;

/** How many clients of a page answered, and how many did not. */
export type Tally = { readonly answered: number; readonly unanswered: number };

type Counts = Tally & { readonly direct: number; readonly asked: number; readonly skipped: number };

/**
 * Adds a page to the counts and moves on; after the last page (`next` is undefined) it is finished, with a fact.
 *
 * @throws {FencedError} when another worker has it by now
 */
export const settleVerificationPage = (
  db: Database,
  lanes: Lanes,
  running: RunningVerification,
  tally: Tally,
  next: string | undefined,
): Promise<void> =>
  transact(db, async (tx) => {
    if (next === undefined) await lockLog(tx);
    const counts = await addTally(tx, running, tally, next);
    if (next !== undefined) return;
    const data = { id: running.id, ...counts };
    await appendFacts(
      tx,
      lanes.of,
      [{ type: 'verification-finished', client: null, meta: { actor: 'system' }, data }],
      inlineProjections,
    );
  });

const addTally = async (
  tx: Transaction,
  { id, owner }: RunningVerification,
  { answered, unanswered }: Tally,
  next: string | undefined,
): Promise<Counts> => {
  const [counts] = await tx<Counts[]>`
    UPDATE verification
    SET asked = asked + ${answered + unanswered}, answered = answered + ${answered},
        unanswered = unanswered + ${unanswered}, cursor = ${next === undefined ? tx`cursor` : next}
    WHERE id = ${id} AND owner = ${owner} AND finished_at IS NULL
    RETURNING coalesce(direct, 0) AS direct, asked, answered, unanswered, coalesce(skipped, 0) AS skipped`;
  if (!counts) throw new FencedError(`The verification ${id} is not this worker's any more.`);
  return counts;
};
