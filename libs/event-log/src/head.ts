import type { Queryable, Transaction } from './database.js';

/** The position of the log's head: all that stands at or below it is visible, and nothing will be added there. */
export const readHead = async (db: Queryable): Promise<bigint> => {
  const [row] = await db<{ position: bigint }[]>`SELECT position FROM log_head`;
  return headOf(row);
};

/** What a transaction that has the log's lock, or has asked for it, knows of the head, which nobody else moves now. */
type HeldHead = {
  /** Where it was when the lock was given; undefined until Postgres has said so. */
  found?: bigint;
  /** By how much this transaction has moved it since. */
  moved: number;
};
const heldHeads = new WeakMap<Transaction, HeldHead>();

const heldOf = (tx: Transaction): HeldHead => {
  const held = heldHeads.get(tx) ?? { moved: 0 };
  heldHeads.set(tx, held);
  return held;
};

/** Takes the log's lock until the transaction ends: what is read after it cannot change before the append. */
export const lockLog = async (tx: Transaction): Promise<bigint> => {
  const held = heldOf(tx);
  const before = held.moved;
  const [row] = await tx<{ position: bigint }[]>`SELECT position FROM log_head FOR UPDATE`.execute();
  const head = headOf(row);
  held.found ??= head - BigInt(before);
  return head;
};

/**
 * Counts `count` positions that a statement, sent next, takes at the log's head. Takes the log's lock, where the transaction
 * has not asked for it yet.
 *
 * @returns tells the first of them, once Postgres has said where the head is
 */
export const takePositions = async (tx: Transaction, count: number): Promise<() => bigint> => {
  if (!heldHeads.has(tx)) await lockLog(tx);
  const held = heldOf(tx);
  const offset = BigInt(held.moved) + 1n;
  held.moved += count;
  return () => {
    if (held.found === undefined) throw new Error('A fact has no position before the log’s lock is given.');
    return held.found + offset;
  };
};

const headOf = (row: { readonly position: bigint } | undefined): bigint => {
  if (!row) throw new Error('The log has no head: its row is missing from the table log_head.');
  return row.position;
};
