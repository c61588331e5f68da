import type { Queryable } from './database.js';

/** A process that takes in contacts. */
export type IntakeProcess = { readonly id: string; readonly name: string };

/** Who is to have a lane, and how long its owner has shown no sign of life, in seconds. */
export type LaneLease = { readonly lane: number; readonly owner: string | null; readonly silence: number };

/** A process or an owner that was silent for so many seconds is taken for dead. It is asked for a sign every second. */
export const leaseSeconds = 5;

/** A process that was not seen for so long is forgotten. */
const forgetAfter = '1 day';

/** Says that a process is there; forgets those that have long been gone. */
export const renewProcess = async (db: Queryable, { id, name }: IntakeProcess): Promise<void> => {
  await db`
    WITH gone AS (DELETE FROM intake_process WHERE seen_at < now() - ${forgetAfter}::interval)
    INSERT INTO intake_process (id, name) VALUES (${id}, ${name}) ON CONFLICT (id) DO UPDATE SET seen_at = now()`;
};

/** The processes that are there. */
export const readProcesses = async (db: Queryable): Promise<readonly string[]> => {
  const rows = await db<{ id: string }[]>`
    SELECT id FROM intake_process WHERE seen_at > now() - ${leaseSeconds} * interval '1 second'`;
  return rows.map(({ id }) => id);
};

export const readLeases = (db: Queryable): Promise<readonly LaneLease[]> => db<LaneLease[]>`
  SELECT id AS lane, owner, extract(epoch FROM now() - owner_seen_at)::float8 AS silence FROM lane ORDER BY id`;

/**
 * Makes a process the one that is to have a lane, if nobody was quicker; whether it is. Whoever had the lane finds
 * itself fenced once the new owner has taken it.
 */
export const claimLane = async (db: Queryable, { lane, owner }: LaneLease, process: string): Promise<boolean> => {
  const { count } = await db`
    UPDATE lane SET owner = ${process}, owner_since = now(), owner_seen_at = now()
    WHERE id = ${lane} AND owner IS NOT DISTINCT FROM ${owner}`;
  return count === 1;
};

/** Shows that the owner of these lanes is at work although it appends nothing: it recovers presence, or waits for room. */
export const renewLanes = async (db: Queryable, process: string, lanes: readonly number[]): Promise<void> => {
  await db`UPDATE lane SET owner_seen_at = now() WHERE owner = ${process} AND id = ANY(${[...lanes]})`;
};

/** Leaves the lanes to whoever comes next. */
export const leaveLanes = async (db: Queryable, process: string): Promise<void> => {
  await db`UPDATE lane SET owner = NULL, owner_since = NULL WHERE owner = ${process}`;
  await db`DELETE FROM intake_process WHERE id = ${process}`;
};
