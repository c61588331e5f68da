import type { Logger } from 'pino';
import { type Database, factsChannel, isOutage, pause, Wake } from '#event-log';
import { type Checkpoint, liveCheckpoint } from './checkpoint.js';
import type { Follower } from './follower.js';
import { rebuildCheckpoint, swapRebuilt } from './rebuild.js';
import { PoisonFactError, step } from './step.js';

/** Look at least this often, in milliseconds: a hint may be lost, and facts of other types move the checkpoint as well. */
const lookInterval = 1_000;
/** How long to leave a poison fact alone before trying it again, in milliseconds. */
const poisonPause = 15_000;

export type RunFollowerOptions = {
  readonly db: Database;
  readonly follower: Follower;
  readonly log: Logger;
};

/**
 * Keeps a follower up with the log until it is stopped, and rebuilds it beside that when asked to. Two workers may run
 * the same follower: the checkpoint lets one of them apply each batch. A poison fact stops this follower alone, visibly,
 * and is skipped by nobody; it is tried again from time to time, for what made it fail may have been mended. An outage
 * of Postgres is waited out.
 */
export const runFollower = (options: RunFollowerOptions): { readonly stop: () => Promise<void> } => {
  const { db, follower } = options;
  const stopping = new AbortController();
  const wake = new Wake();
  const listening = db.listen(factsChannel, (types) => isFor(follower, types) && wake.now()).catch(() => undefined);
  const follow = (checkpoint: Checkpoint, caughtUp: () => Promise<unknown>) =>
    keepUp({ ...options, checkpoint, caughtUp, wake, signal: stopping.signal });
  const running = Promise.all([
    follow(liveCheckpoint(follower), async () => undefined),
    follow(rebuildCheckpoint(follower), () => swapRebuilt(db, follower)),
  ]);
  return {
    stop: async () => {
      stopping.abort();
      await running;
      await listening.then((subscription) => subscription?.unlisten()).catch(() => undefined);
    },
  };
};

/** Whether there are facts that it handles among those just appended; a hint without types is for everybody. */
const isFor = ({ handles }: Follower, types: string): boolean =>
  types === '' || types.split(' ').some((type) => handles.some((handled) => handled === type));

type KeepUpOptions = RunFollowerOptions & {
  readonly checkpoint: Checkpoint;
  /** Called when all facts there are have been applied. */
  readonly caughtUp: () => Promise<unknown>;
  readonly wake: Wake;
  readonly signal: AbortSignal;
};

const keepUp = async (options: KeepUpOptions): Promise<void> => {
  const { db, follower, log, checkpoint, caughtUp, wake, signal } = options;
  while (!signal.aborted) {
    const woken = wake.next();
    try {
      const done = await step({ db, follower, checkpoint });
      if (done?.more) continue;
      if (done) await caughtUp();
      if (done?.applied && follower.pause) await pause(follower.pause, signal);
      await pause(lookInterval, signal, woken);
    } catch (error) {
      if (!isOutage(error)) log.error({ projection: follower.name, error: String(error) }, 'a projection stopped');
      if (error instanceof PoisonFactError) {
        await checkpoint.fail(db, error.checkpoint, error.message).catch(() => undefined);
        await pause(poisonPause, signal);
      } else await pause(lookInterval, signal);
    }
  }
};
