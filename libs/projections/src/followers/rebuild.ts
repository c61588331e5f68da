import { ReachbackError } from '#contracts';
import { type Database, factsChannel, type Transaction, transact } from '#event-log';
import type { Checkpoint } from './checkpoint.js';
import type { Follower } from './follower.js';

/** Where a follower's new tables fill while the old ones serve. */
const schemaOf = ({ name }: Follower): string => `rebuild_${name}`;

/**
 * Begins to fill a follower's tables anew from the beginning of the log; those that serve go on. The runner of the
 * follower does the work, and goes on with it after a restart.
 *
 * @throws {ReachbackError} `conflict` when one is under way
 */
export const beginRebuild = async (tx: Transaction, follower: Follower): Promise<void> => {
  const { count } = await tx`
    INSERT INTO projection_rebuild (name) VALUES (${follower.name}) ON CONFLICT DO NOTHING`;
  if (count === 0) {
    throw new ReachbackError(
      'conflict',
      `A rebuild of ${follower.name} is under way; GET /v1/projections shows how far it is.`,
    );
  }
  const schema = schemaOf(follower);
  await tx`CREATE SCHEMA ${tx(schema)}`;
  for (const table of follower.tables) {
    await tx`CREATE TABLE ${tx(schema)}.${tx(table)} (LIKE ${tx(table)} INCLUDING ALL)`;
  }
  await tx`SELECT pg_notify(${factsChannel}, '')`;
};

/**
 * Gives up a rebuild: what has filled goes, what serves stays. A batch that is under way is waited for; the next finds
 * nothing to do.
 *
 * @throws {ReachbackError} `not_found` when none is under way
 */
export const cancelRebuild = async (tx: Transaction, follower: Follower): Promise<void> => {
  const { count } = await tx`DELETE FROM projection_rebuild WHERE name = ${follower.name}`;
  if (count === 0) throw new ReachbackError('not_found', `No rebuild of ${follower.name} is under way.`);
  const schema = schemaOf(follower);
  for (const table of follower.tables) await tx`DROP TABLE ${tx(schema)}.${tx(table)}`;
  await tx`DROP SCHEMA ${tx(schema)}`;
};

/** The rate is measured over windows of at least this many seconds. */
const windowSeconds = 1;
/** A window longer than this, in seconds, has seen nobody at work for a while, and is not counted. */
export const longestWindow = 30;

/** The checkpoint of the new tables; a batch that moves it finds them under the names of the old ones. */
export const rebuildCheckpoint = (follower: Follower): Checkpoint => ({
  read: async (db) => {
    const [row] = await db<{ position: bigint }[]>`
      SELECT position FROM projection_rebuild WHERE name = ${follower.name}`;
    return row?.position;
  },
  move: async (tx, { from, to }) => {
    const { count } = await tx`
      UPDATE projection_rebuild r SET
        position = ${to}, error = NULL,
        per_second = CASE WHEN w.age BETWEEN ${windowSeconds} AND ${longestWindow}
                       THEN (${to} - r.window_position) / w.age ELSE r.per_second END,
        window_position = CASE WHEN w.age >= ${windowSeconds} THEN ${to} ELSE r.window_position END,
        window_at = CASE WHEN w.age >= ${windowSeconds} THEN now() ELSE r.window_at END
      FROM (SELECT extract(epoch FROM now() - window_at)::float8 AS age FROM projection_rebuild
            WHERE name = ${follower.name}) w
      WHERE r.name = ${follower.name} AND r.position = ${from}`;
    const schema = schemaOf(follower);
    await tx`SELECT set_config('search_path', quote_ident(${schema}) || ',' || current_setting('search_path'), true)`;
    return count === 1;
  },
  fail: async (db, at, error) => {
    await db`
      UPDATE projection_rebuild SET error = ${error}
      WHERE name = ${follower.name} AND position = ${at}`;
  },
});

/**
 * Puts the new tables in the place of the old ones, in one transaction, if they have come as far; whether they had.
 *
 * The lock on the serving checkpoint's row keeps the serving follower from applying anything meanwhile; it then finds
 * its checkpoint moved. No place of the log is lost or applied twice: the new checkpoint is that of the new tables.
 */
export const swapRebuilt = (db: Database, follower: Follower): Promise<boolean> =>
  transact(db, async (tx) => {
    const { name, version, tables } = follower;
    const [rebuilt] = await tx<{ position: bigint }[]>`
      SELECT position FROM projection_rebuild WHERE name = ${name} FOR UPDATE`;
    if (!rebuilt) return false;
    const [live] = await tx<{ position: bigint }[]>`
      SELECT position FROM projection_checkpoint
      WHERE name = ${name} AND version = ${version} FOR UPDATE`;
    if (live && rebuilt.position < live.position) return false;
    const [{ serving } = { serving: 'public' }] = await tx<{ serving: string }[]>`SELECT current_schema() AS serving`;
    const schema = schemaOf(follower);
    for (const table of tables) await tx`LOCK TABLE ${tx(table)} IN ACCESS EXCLUSIVE MODE`;
    for (const table of tables) {
      await tx`DROP TABLE ${tx(serving)}.${tx(table)}`;
      await tx`ALTER TABLE ${tx(schema)}.${tx(table)} SET SCHEMA ${tx(serving)}`;
    }
    await tx`DROP SCHEMA ${tx(schema)}`;
    await tx`DELETE FROM projection_rebuild WHERE name = ${name}`;
    await tx`
      INSERT INTO projection_checkpoint (name, version, position)
      VALUES (${name}, ${version}, ${rebuilt.position})
      ON CONFLICT (name, version) DO UPDATE SET
        position = excluded.position, error = NULL, updated_at = now()`;
    return true;
  });
