import type { Queryable, Transaction } from './database.js';
import { takePositions } from './head.js';
import { send } from './transact.js';

/** A chunk of contacts as it is stored. `at` is milliseconds since 1970; see `chunk-codec.ts` for `data`. */
export type Chunk = { readonly at: number; readonly count: number; readonly data: Buffer };
export type StoredChunk = Chunk & { readonly firstPosition: bigint };

const day = 86_400_000;

/** Makes the partitions from a time's day to a few days ahead, so that midnight finds them there. */
export const ensurePartitions = async (tx: Queryable, at: number, daysAhead = 3): Promise<void> => {
  const first = Math.floor(at / day);
  for (let d = first; d <= first + daysAhead; d++) {
    await tx`SELECT ensure_contact_partition(${new Date(d * day).toISOString().slice(0, 10)}::date)`;
  }
};

/** Appends a chunk of a lane's contacts at the log's head; returns the position of its first contact. */
export const appendChunk = async (tx: Transaction, lane: number, epoch: number, chunk: Chunk): Promise<bigint> => {
  const first = await takePositions(tx, chunk.count);
  const at = new Date(chunk.at);
  send(tx)`
    WITH head AS (
      UPDATE log_head SET position = position + ${chunk.count} RETURNING position - ${chunk.count} + 1 AS first
    ), appended AS (
      INSERT INTO contact_chunk (lane, first_position, epoch, at, count, data)
      SELECT ${lane}::smallint, first, ${epoch}::integer, ${at}::timestamptz, ${chunk.count}::integer, ${chunk.data}::bytea
      FROM head
    )
    SELECT note_appended(${at}, ${chunk.count}, 0)`;
  return first();
};

/** A lane's chunks whose contacts lie after a position, in order; the first may begin before it. */
export const readChunks = async (
  db: Queryable,
  query: { readonly lane: number; readonly after: bigint; readonly upTo: bigint; readonly limit: number },
): Promise<readonly StoredChunk[]> => {
  const rows = await db<{ first_position: bigint; at: Date; count: number; data: Buffer }[]>`
    SELECT first_position, at, count, data FROM contact_chunk
    WHERE lane = ${query.lane} AND first_position > ${query.after} AND first_position <= ${query.upTo}
    ORDER BY first_position LIMIT ${query.limit}`;
  return rows.map((row) => ({
    firstPosition: row.first_position,
    at: row.at.getTime(),
    count: row.count,
    data: row.data,
  }));
};
