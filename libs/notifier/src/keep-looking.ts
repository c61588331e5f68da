import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOutage } from '#event-log';
import { BrokerAwayError } from './broker-watch.js';

/** Hears of what went wrong; an outage of the database or the broker is waited out in silence. */
export type Failed = (what: string, error: unknown) => void;

export const reportTo =
  (log: Logger, signal: AbortSignal): Failed =>
  (what, error) => {
    if (signal.aborted || isOutage(error) || error instanceof BrokerAwayError) return;
    log.error({ error: String(error) }, what);
  };

/** Hints that it is worth looking again. */
export class Wake {
  private controller = new AbortController();

  /** To be taken before looking: a hint that comes while one looks is not lost. */
  next(): AbortSignal {
    if (this.controller.signal.aborted) this.controller = new AbortController();
    return this.controller.signal;
  }

  readonly now = (): void => {
    // Hints come by the thousand; each abort makes an exception, with its stack.
    if (!this.controller.signal.aborted) this.controller.abort();
  };
}

export type LookingOptions = {
  readonly look: () => Promise<boolean | void>;
  readonly wake: Wake;
  /** Look at least so often, in milliseconds. */
  readonly interval: number;
  readonly failed: Failed;
  readonly signal: AbortSignal;
};

/** Looks for work over and over, at once when woken or when there was more, until the signal aborts. */
export const keepLooking = async ({ look, wake, interval, failed, signal }: LookingOptions): Promise<void> => {
  while (!signal.aborted) {
    const woken = wake.next();
    try {
      if (await look()) continue;
    } catch (error) {
      failed('looking for clients to ask failed', error);
    }
    await sleep(interval, undefined, { signal: AbortSignal.any([signal, woken]) }).catch(() => undefined);
  }
};
