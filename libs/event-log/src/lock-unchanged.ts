import type { Transaction } from './database.js';
import { lockLog } from './head.js';
import { failWith, send } from './transact.js';

/** What something was composed from, without the log's lock. */
export type ReadBefore = {
  /** The log's head at the first of the reads, or before it. */
  readonly since: bigint;
  readonly clients: readonly string[];
  /** Until when it may be sent; null if nothing says. */
  readonly deadline: string | null;
};

/**
 * Takes the log's lock, if nothing has changed that somebody read before it; else the transaction fails
 * ({@link isChanged}), and has to be done anew under the lock. Neither is waited for: what is to be appended can be sent
 * at once, and nobody holds the lock while a question or an answer is on its way.
 *
 * What is appended is right as if it had been read under the lock. For whatever a client is to have (its group, labels,
 * settings, releases, what it was sent and has confirmed) changes with a fact, of the fleet (`client` is null) or of the
 * client, in the transaction that appends it. What stood at `since` was visible to every read, for they began later.
 * Whatever came after has a position above `since`, and is visible now that the lock is ours. So:
 * - a setting or a release that changed, was held, paused, withdrawn or superseded meanwhile is a fact of the fleet: what
 *   was composed without it is not sent (G4);
 * - the same request that another process has served, an acknowledgement, a report in a beat, are facts of the client:
 *   nothing is delivered or settled twice (G7);
 * - time alone admits more to a rollout, and ends a `deliverBy`: that is the deadline (G5).
 * Three facts do not count, for they say nothing of what a client is to have: its status, its addresses (both at most
 * choose the interval in the same reply, as of a moment ago), and its logs.
 */
export const lockUnchanged = (tx: Transaction, { since, clients, deadline }: ReadBefore): void => {
  failWith(tx, lockLog(tx));
  send(tx)`SELECT assert_unchanged(${since}, ${[...clients]}::text[], ${deadline}::timestamptz)`;
};

/** Whether a transaction failed because something has changed that was read before it had the log's lock. */
export const isChanged = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'RB001';

/**
 * Where the log's head was before all of these reads, each of which found it beside its rows. One without rows does not
 * count: only what has nothing to go by if it finds nothing may be such a read.
 */
export const lowestHead = (reads: readonly (readonly { readonly since: bigint }[])[]): bigint => {
  const heads = reads.flatMap(([row]) => (row ? [row.since] : []));
  const [first] = heads;
  if (first === undefined) throw new Error('The log has no head: its row is missing from the table log_head.');
  return heads.reduce((lowest, head) => (head < lowest ? head : lowest), first);
};
