import type { Queryable, Transaction } from '#event-log';
import type { Follower } from './follower.js';

/** The place of a follower in a lane; made at the lane's beginning if it has none. */
export const readCheckpoint = async (db: Queryable, { name, version }: Follower, lane: number): Promise<bigint> => {
  await db`
    INSERT INTO projection_checkpoint (name, version, lane, position) VALUES (${name}, ${version}, ${lane}, 0)
    ON CONFLICT DO NOTHING`;
  const [row] = await db<{ position: bigint }[]>`
    SELECT position FROM projection_checkpoint WHERE name = ${name} AND version = ${version} AND lane = ${lane}`;
  return row?.position ?? 0n;
};

/**
 * Moves the checkpoint, if it still is where this worker found it; whether it was. The first statement of the batch's
 * transaction: its row lock makes a second worker wait, and then find the checkpoint moved and no row to update.
 */
export const moveCheckpoint = async (
  tx: Transaction,
  { name, version }: Follower,
  lane: number,
  move: { readonly from: bigint; readonly to: bigint },
): Promise<boolean> => {
  const { count } = await tx`
    UPDATE projection_checkpoint SET position = ${move.to}, error = NULL, updated_at = now()
    WHERE name = ${name} AND version = ${version} AND lane = ${lane} AND position = ${move.from}`;
  return count === 1;
};

/** Shows why a follower does not go on; the next batch that succeeds clears it. */
export const recordFailure = async (
  db: Queryable,
  { name, version }: Follower,
  lane: number,
  at: bigint,
  error: string,
): Promise<void> => {
  await db`
    UPDATE projection_checkpoint SET error = ${error}, updated_at = now()
    WHERE name = ${name} AND version = ${version} AND lane = ${lane} AND position = ${at}`;
};
