import { type Database, type DatabaseOptions, openDatabase } from '../database.js';
import { condemn, daysDue } from './condemn.js';
import { condemnedDays, detachDay, dropDetachedDay } from './drop-day.js';

/** What a run of {@link retain} has dropped. */
export type Retained = { readonly days: readonly string[]; readonly rejectSamples: number };

/** For days of which samples of what could not be read are kept. */
const sampleDays = 7;
/** For days of which it is kept how much was appended in each minute: today and yesterday are asked for. */
const minuteDays = 3;
/** Waiting for a lock keeps those waiting who come after: so long at most, in milliseconds; then it is tried again. */
const lockTimeout = 500;
const advisoryLock = 7_262_003;

/** The connection that {@link retain} works on: one, because a lock of the session is held across its statements. */
export const openRetentionDatabase = (options: Omit<DatabaseOptions, 'connections' | 'lockTimeout'>): Database =>
  openDatabase({ ...options, connections: 1, lockTimeout });

/**
 * Drops contacts of days that are over for `keepDays` days, old samples of rejects, and old minutes of what was
 * appended. Undefined when another process is at it.
 *
 * A day goes in three steps: it is condemned, detached, dropped. Each is committed before the next begins, and finds by
 * itself how far the one before has come, so whoever dies in between is followed by another run; the lock only keeps
 * two from getting into each other's way.
 */
export const retain = async (db: Database, keepDays: number): Promise<Retained | undefined> => {
  const [row] = await db<{ locked: boolean }[]>`SELECT pg_try_advisory_lock(${advisoryLock}) AS locked`;
  if (!row?.locked) return undefined;
  try {
    const { count } = await db`DELETE FROM reject_sample WHERE at < now() - ${`${sampleDays} days`}::interval`;
    await db`DELETE FROM log_minute WHERE minute < now() - ${`${minuteDays} days`}::interval`;
    return { days: await dropOldContacts(db, keepDays), rejectSamples: count };
  } finally {
    await db`SELECT pg_advisory_unlock(${advisoryLock})`;
  }
};

/** The days that went; oldest first, up to one that no snapshot lies beyond. */
export const dropOldContacts = async (db: Database, keepDays: number): Promise<readonly string[]> => {
  for (const day of await daysDue(db, keepDays)) if (!(await condemn(db, day))) break;
  const days = await condemnedDays(db);
  for (const day of days) {
    await detachDay(db, day);
    await dropDetachedDay(db, day);
  }
  return days;
};
