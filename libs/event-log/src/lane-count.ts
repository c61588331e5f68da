import { maxLanes } from '#contracts';
import type { Database, Queryable } from './database.js';
import { transact } from './transact.js';

/** The number of lanes is fixed when the first server starts; another one was asked for. */
export class LaneCountError extends Error {
  override readonly name = 'LaneCountError';

  constructor(there: number, asked: number) {
    super(
      `REACHBACK_LANES is ${asked}, but this installation has ${there} ${there === 1 ? 'lane' : 'lanes'}: their number ` +
        `is fixed at the first start, because each client's part of the log is in its lane. Set it to ${there}, or not at all.`,
    );
  }
}

/** How many lanes the installation has; undefined before the first server has started. */
export const readLaneCount = async (db: Queryable): Promise<number | undefined> => {
  const [table] = await db<{ exists: boolean }[]>`SELECT to_regclass('log_head') IS NOT NULL AS exists`;
  if (!table?.exists) return undefined;
  const [row] = await db<{ lanes: number | null }[]>`SELECT lanes FROM log_head`;
  return row?.lanes ?? undefined;
};

/**
 * The number of lanes of the installation; the first server sets it to what it is asked for, 1 by default.
 *
 * @throws {LaneCountError} when it is another one by now
 */
export const settleLaneCount = (db: Database, asked: number | undefined): Promise<number> =>
  transact(db, async (tx) => {
    const wanted = Math.min(asked ?? 1, maxLanes);
    const [settled] = await tx`UPDATE log_head SET lanes = ${wanted} WHERE lanes IS NULL RETURNING lanes`;
    if (settled) await tx`INSERT INTO lane (id) SELECT generate_series(1, ${wanted - 1}::integer)`;
    const there = (await readLaneCount(tx)) ?? 1;
    if (asked !== undefined && asked !== there) throw new LaneCountError(there, asked);
    return there;
  });
