import type { Queryable, Transaction } from '#event-log';
import type { Follower } from './follower.js';

/** The place in the log up to which a follower's tables hold everything. */
export type Checkpoint = {
  /** Undefined when there is nothing to be done for these tables. */
  readonly read: (db: Queryable) => Promise<bigint | undefined>;
  /**
   * Moves it, if it still is where this worker found it; whether it was. The first statement of the batch's
   * transaction: its row lock makes a second worker wait, and then find the checkpoint moved and no row to update.
   */
  readonly move: (tx: Transaction, move: { readonly from: bigint; readonly to: bigint }) => Promise<boolean>;
  /** Shows why the follower does not go on; the next batch that succeeds clears it. */
  readonly fail: (db: Queryable, at: bigint, error: string) => Promise<void>;
};

/** The checkpoint of the tables that serve; made at the log's beginning if there is none. */
export const liveCheckpoint = ({ name, version }: Follower): Checkpoint => ({
  read: async (db) => {
    await db`
      INSERT INTO projection_checkpoint (name, version, position) VALUES (${name}, ${version}, 0)
      ON CONFLICT DO NOTHING`;
    const [row] = await db<{ position: bigint }[]>`
      SELECT position FROM projection_checkpoint WHERE name = ${name} AND version = ${version}`;
    return row?.position ?? 0n;
  },
  move: async (tx, { from, to }) => {
    const { count } = await tx`
      UPDATE projection_checkpoint SET position = ${to}, error = NULL, updated_at = now()
      WHERE name = ${name} AND version = ${version} AND position = ${from}`;
    return count === 1;
  },
  fail: async (db, at, error) => {
    await db`
      UPDATE projection_checkpoint SET error = ${error}, updated_at = now()
      WHERE name = ${name} AND version = ${version} AND position = ${at}`;
  },
});
