import type { Logger } from 'pino';
import { isOutage, pause, type Wake } from '#event-log';
import { BrokerAwayError } from './broker-watch.js';

/** Hears of what went wrong; an outage of the database or the broker is waited out in silence. */
export type Failed = (what: string, error: unknown) => void;

export const reportTo =
  (log: Logger, signal: AbortSignal): Failed =>
  (what, error) => {
    if (signal.aborted || isOutage(error) || error instanceof BrokerAwayError) return;
    log.error({ error: String(error) }, what);
  };

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
    await pause(interval, signal, woken);
  }
};
