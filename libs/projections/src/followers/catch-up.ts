import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, readHead } from '#event-log';
import type { Follower } from './follower.js';

/** How often to look, in milliseconds. */
const lookInterval = 20;

/**
 * Waits until a follower has applied every fact that is in the log now, `patience` milliseconds at most; whether it
 * has. What it does not handle is not waited for.
 */
export const untilCaughtUp = async (
  db: Database,
  { name, version, handles }: Follower,
  patience: number,
): Promise<boolean> => {
  const head = await readHead(db);
  for (const deadline = Date.now() + patience; ; await sleep(lookInterval)) {
    const [row] = await db<{ behind: boolean }[]>`
      SELECT EXISTS (
        SELECT FROM event
        WHERE position <= ${head} AND type = ANY(${[...handles]})
          AND position > coalesce((SELECT position FROM projection_checkpoint
                                   WHERE name = ${name} AND version = ${version}), 0)
      ) AS behind`;
    if (row?.behind === false) return true;
    if (Date.now() >= deadline) return false;
  }
};
