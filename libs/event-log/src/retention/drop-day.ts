import type { Database } from '../database.js';
import { transact } from '../transact.js';
import { partitionOf } from './partitions.js';

/** Days that were condemned and are not gone yet, oldest first. */
export const condemnedDays = async (db: Database): Promise<readonly string[]> => {
  const rows = await db<{ day: string }[]>`SELECT day::text AS day FROM contact_drop ORDER BY day`;
  return rows.map((row) => row.day);
};

/**
 * Takes a condemned day's partition out of the log. Dropping it there would lock out everybody who reads or appends
 * until those before have finished; detaching it CONCURRENTLY locks out nobody: queries that begin from now on do not
 * see it, and it waits, holding no lock, for those that do. One that was cut off in between is finished.
 *
 * @throws when others hold it up for longer than the lock timeout; to be tried again
 */
export const detachDay = async (db: Database, day: string): Promise<void> => {
  const [attached] = await db<{ pending: boolean }[]>`
    SELECT inhdetachpending AS pending FROM pg_inherits
    WHERE inhparent = 'contact_chunk'::regclass AND inhrelid = to_regclass(${partitionOf(day)})`;
  if (!attached) return;
  await db`
    ALTER TABLE contact_chunk DETACH PARTITION ${db(partitionOf(day))} ${attached.pending ? db`FINALIZE` : db`CONCURRENTLY`}`;
};

/** Drops the table of a condemned day that was detached: nobody else has to do with it any more. */
export const dropDetachedDay = (db: Database, day: string): Promise<void> =>
  transact(db, async (tx) => {
    await tx`DROP TABLE IF EXISTS ${tx(partitionOf(day))}`;
    await tx`DELETE FROM contact_drop WHERE day = ${day}`;
  });
