import type { Queryable, Transaction } from './database.js';

/** The position of the log's head: all that stands at or below it is visible, and nothing will be added there. */
export const readHead = async (db: Queryable): Promise<bigint> => {
  const [row] = await db<{ position: bigint }[]>`SELECT position FROM log_head`;
  return headOf(row);
};

/** Takes the log's lock until the transaction ends: what is read after it cannot change before the append. */
export const lockLog = async (tx: Transaction): Promise<bigint> => {
  const [row] = await tx<{ position: bigint }[]>`SELECT position FROM log_head FOR UPDATE`;
  return headOf(row);
};

/** Reserves `count` positions at the log's head; returns the first. Takes the log's lock. */
export const reservePositions = async (tx: Transaction, count: number): Promise<bigint> => {
  const [row] = await tx<{ position: bigint }[]>`
    UPDATE log_head SET position = position + ${count} RETURNING position - ${count} + 1 AS position`;
  return headOf(row);
};

const headOf = (row: { readonly position: bigint } | undefined): bigint => {
  if (!row) throw new Error('The log has no head: its row is missing from the table log_head.');
  return row.position;
};
