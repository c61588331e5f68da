import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds, or until one of the signals aborts. */
export const pause = (milliseconds: number, signal: AbortSignal, woken?: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal: woken ? AbortSignal.any([signal, woken]) : signal }).catch(() => undefined);

/**
 * The promise's outcome, unless the signal aborts before: whatever comes then, nobody hears of it.
 *
 * @throws what the signal aborts with, at once
 */
export const unlessAborted = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });

/** Hints that it is worth looking again: each cuts the pause before the next look short. */
export class Wake {
  private controller = new AbortController();

  /** Aborts at the next hint. To be taken before looking: one that comes while one looks is not lost. */
  next(): AbortSignal {
    if (this.controller.signal.aborted) this.controller = new AbortController();
    return this.controller.signal;
  }

  readonly now = (): void => {
    // Hints come by the thousand; each abort makes an exception, with its stack.
    if (!this.controller.signal.aborted) this.controller.abort();
  };
}
