import type { Database, Queryable, Transaction } from './database.js';
import { lockLog } from './head.js';

/** Which incarnation of which stream feeds a lane, and how far it is consumed. */
export type Watermark = {
  readonly created: string | null;
  readonly epoch: number;
  readonly sequence: bigint;
  /** Arrival of the last message consumed, in nanoseconds since 1970. */
  readonly time: bigint;
  /** Arrival of the last tick consumed, likewise. */
  readonly tick: bigint;
};
export type LaneRow = {
  /** The log's head, read together with the lane. */
  readonly position: bigint;
  readonly term: bigint;
  /** The owner has drawn its conclusions from all facts up to here. */
  readonly seenPosition: bigint;
  readonly clients: number;
  readonly watermark: Watermark;
};

/** Another owner has taken the lane: this one must stop at once and write nothing more. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

export const readLane = async (db: Queryable, lane: number): Promise<LaneRow> => {
  const [row] = await db<LaneColumns[]>`
    SELECT h.position, owner_term, seen_position, clients, source_created, source_epoch, source_seq, source_time,
           source_tick
    FROM lane CROSS JOIN log_head h WHERE id = ${lane}`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return {
    position: row.position,
    term: row.owner_term,
    seenPosition: row.seen_position,
    clients: row.clients,
    watermark: {
      created: row.source_created,
      epoch: row.source_epoch,
      sequence: row.source_seq,
      time: row.source_time,
      tick: row.source_tick,
    },
  };
};

type LaneColumns = {
  readonly position: bigint;
  readonly owner_term: bigint;
  readonly seen_position: bigint;
  readonly clients: number;
  readonly source_created: string | null;
  readonly source_epoch: number;
  readonly source_seq: bigint;
  readonly source_time: bigint;
  readonly source_tick: bigint;
};

/** Becomes the lane's owner: every earlier owner's appends update no row from now on. Returns the new term. */
export const takeLane = async (db: Database, lane: number): Promise<bigint> => {
  const [row] = await db<{ owner_term: bigint }[]>`
    UPDATE lane SET owner_term = owner_term + 1, owner_seen_at = now() WHERE id = ${lane} RETURNING owner_term`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return row.owner_term;
};

/**
 * Takes the log's lock and moves the lane's watermark, if it still is where the owner left it: the first thing in every
 * append of an owner. It makes intake exactly-once (the watermark commits with the data), and fences (an owner that
 * lost its lane finds no row).
 *
 * The head comes first, here as for everybody who appends, and a lane's row after it: a registration, too, holds the
 * head when it takes an ordinal out of a lane's row. So nobody waits for the head who holds what its holder needs.
 *
 * @returns the head before the append
 * @throws {FencedError}
 */
export const advanceWatermark = async (
  tx: Transaction,
  lane: number,
  term: bigint,
  from: Watermark,
  to: Watermark,
): Promise<bigint> => {
  // Sent together; the second begins, and so looks, when the first has the lock.
  const [head, moved] = await Promise.all([
    lockLog(tx),
    tx`
    UPDATE lane
    SET source_created = ${to.created}, source_epoch = ${to.epoch}, source_seq = ${to.sequence},
        source_time = ${to.time}, source_tick = ${to.tick}, seen_position = (SELECT position FROM log_head), owner_seen_at = now()
    WHERE id = ${lane} AND owner_term = ${term} AND source_epoch = ${from.epoch} AND source_seq = ${from.sequence}`,
  ]);
  if (moved.count === 0) throw new FencedError(`Lane ${lane} has another owner.`);
  return head;
};

/**
 * How far every lane has consumed the stream, if all read this incarnation of it; else undefined. What lies below is
 * read by nobody any more.
 */
export const lowestWatermark = async (db: Queryable, created: string): Promise<bigint | undefined> => {
  const [row] = await db<{ lowest: bigint; same: boolean }[]>`
    SELECT min(source_seq) AS lowest, bool_and(source_created IS NOT DISTINCT FROM ${created}) AS same FROM lane`;
  return row?.same ? row.lowest : undefined;
};
