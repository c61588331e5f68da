import type { RunningServer } from './child.js';

/** A server that is started again whenever it dies. */
export type Supervised = {
  readonly current: () => RunningServer;
  readonly stop: () => Promise<void>;
};

export type SuperviseOptions = {
  readonly start: () => Promise<RunningServer>;
  /** Told that it died, with its last words, and that it is back. */
  readonly onDeath: (words: string) => void;
  readonly onRestart: () => void;
  /** Told that a restart failed; another one follows. */
  readonly onFailure: (error: unknown) => void;
};

const firstPause = 250;
const longestPause = 10_000;
/** A server that lived this long is started again at once, in milliseconds. */
const healthyLife = 10_000;

/** Starts a server and keeps it running; the first start's failure is the caller's. */
export const supervise = async ({ start, onDeath, onRestart, onFailure }: SuperviseOptions): Promise<Supervised> => {
  let server = await start();
  let stopping = false;
  let wake: (() => void) | undefined;
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const watch = async (): Promise<void> => {
    let startedAt = Date.now();
    let wait = firstPause;
    for (;;) {
      const words = await server.exited;
      if (stopping) return;
      onDeath(words);
      wait = Date.now() - startedAt > healthyLife ? firstPause : Math.min(wait * 2, longestPause);
      for (;;) {
        await pause(wait);
        if (stopping) return;
        startedAt = Date.now();
        try {
          server = await start();
          break;
        } catch (error) {
          onFailure(error);
          wait = Math.min(wait * 2, longestPause);
        }
      }
      if (stopping) return;
      onRestart();
    }
  };
  const watching = watch();
  return {
    current: () => server,
    stop: async () => {
      stopping = true;
      wake?.();
      await server.stop();
      await watching;
      // A restart that was under way when we were asked to stop.
      await server.stop();
    },
  };
};
