import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, factsChannel, isConnectionError } from '#event-log';
import { recordFailure } from './checkpoint.js';
import type { Follower } from './follower.js';
import { PoisonFactError, step } from './step.js';

/** Facts in one transaction at most. */
const batchSize = 2_000;
/** A hint may be lost with its connection: look at least this often, in milliseconds. */
const lookInterval = 1_000;
/** How long to leave a poison fact alone before trying it again, in milliseconds. */
const poisonPause = 15_000;

export type RunFollowerOptions = {
  readonly db: Database;
  readonly follower: Follower;
  readonly lane: number;
  readonly log: Logger;
};

/**
 * Keeps a follower up with its lane until it is stopped. Two workers may run the same follower: the checkpoint lets
 * one of them apply each batch. A poison fact stops this follower alone, visibly, and is skipped by nobody; it is tried
 * again from time to time, for what made it fail may have been mended. An outage of Postgres is waited out.
 */
export const runFollower = ({
  db,
  follower,
  lane,
  log,
}: RunFollowerOptions): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  let woken = new AbortController();
  const listening = db.listen(factsChannel, () => woken.abort()).catch(() => undefined);
  const pause = async (milliseconds: number, canWake: boolean): Promise<void> => {
    const signal = canWake ? AbortSignal.any([stopping.signal, woken.signal]) : stopping.signal;
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      woken = new AbortController();
      try {
        const { more } = await step(db, follower, lane, batchSize);
        if (!more) await pause(lookInterval, true);
      } catch (error) {
        if (!isConnectionError(error))
          log.error({ projection: follower.name, lane, error: String(error) }, 'a projection stopped');
        if (error instanceof PoisonFactError) {
          await recordFailure(db, follower, lane, error.checkpoint, error.message).catch(() => undefined);
          await pause(poisonPause, false);
        } else await pause(lookInterval, false);
      }
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
      await listening.then((subscription) => subscription?.unlisten()).catch(() => undefined);
    },
  };
};
