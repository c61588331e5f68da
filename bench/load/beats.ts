import { setTimeout as sleep } from 'node:timers/promises';
import { orderly, startNodeChild } from '../system/child.js';
import type { Cleanup } from '../system/cleanup.js';
import type { BeatsJob, BeatsOrder, BeatsReport } from './beats-protocol.js';
import { assertSpread } from './spread.js';

const main = new URL('./beats-main.js', import.meta.url);

/** Beats that come from another process. */
export type Beats = {
  /** @throws when there are too few clients for the rate: the server would not take all of it */
  readonly setRate: (perSecond: number) => Promise<void>;
  readonly report: () => Promise<BeatsReport>;
  /** Sends no more, and waits until the broker has stored everything sent. */
  readonly settle: () => Promise<BeatsReport>;
  readonly stop: () => Promise<void>;
};

export type BeatsOptions = Omit<BeatsJob, 'connections' | 'rounds' | 'first'> & Partial<BeatsJob>;

const settleSeconds = 30;

/** Starts a generator; it sends nothing until it is given a rate. */
export const startBeats = async (cleanup: Cleanup, options: BeatsOptions): Promise<Beats> => {
  const child = startNodeChild(cleanup, { main });
  const job: BeatsJob = { connections: 4, rounds: 0, first: 0, ...options };
  const order = orderly<BeatsOrder, BeatsReport>(child);
  await order({ type: 'job', job });
  const report = () => order({ type: 'report' });
  const setRate = async (perSecond: number) => {
    if (job.rounds === 0) assertSpread(perSecond, job.count);
    await order({ type: 'rate', perSecond });
  };
  return {
    setRate,
    report,
    settle: async () => {
      await setRate(0);
      const deadline = Date.now() + settleSeconds * 1000;
      for (;;) {
        const last = await report();
        if (last.stored === last.sent || Date.now() > deadline) return last;
        await sleep(20);
      }
    },
    stop: child.stop,
  };
};
