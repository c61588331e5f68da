import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, readHead } from '#event-log';
import { liveCheckpoint } from './checkpoint.js';
import type { Follower } from './follower.js';
import { step } from './step.js';

/** How often to look, in milliseconds. */
const lookInterval = 20;

/**
 * Waits until a follower has applied every fact that is in the log now, `patience` milliseconds at most; whether it
 * has. What it does not handle is not waited for.
 */
export const untilCaughtUp = async (db: Database, follower: Follower, patience: number): Promise<boolean> => {
  const head = await readHead(db);
  for (const deadline = Date.now() + patience; ; await sleep(lookInterval)) {
    if (!(await isBehind(db, follower, head))) return true;
    if (Date.now() >= deadline) return false;
  }
};

/**
 * Applies to a follower what it has not applied yet of the log as it is now, here, whoever else runs it, for `patience`
 * milliseconds at most; whether that is all of it.
 *
 * @throws {PoisonFactError} when there is a fact that it cannot apply
 */
export const catchUp = async (db: Database, follower: Follower, patience: number): Promise<boolean> => {
  const head = await readHead(db);
  const checkpoint = liveCheckpoint(follower);
  for (const deadline = Date.now() + patience; ; await step({ db, follower, checkpoint })) {
    if (!(await isBehind(db, follower, head))) return true;
    if (Date.now() >= deadline) return false;
  }
};

/** Whether there are facts up to the head, of those that it handles, that it has not applied. */
const isBehind = async (db: Database, { name, version, handles }: Follower, head: bigint): Promise<boolean> => {
  const [row] = await db<{ behind: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM event
      WHERE position <= ${head} AND type = ANY(${[...handles]})
        AND position > coalesce((SELECT position FROM projection_checkpoint
                                 WHERE name = ${name} AND version = ${version}), 0)
    ) AS behind`;
  return row?.behind ?? false;
};
