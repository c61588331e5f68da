import { setTimeout as sleep } from 'node:timers/promises';
import { describe, Failure } from './checks.js';

export type Patience = { readonly seconds?: number; readonly pause?: number };

/**
 * Looks until what it sees is as it should be, and returns it.
 *
 * @throws {Failure} with the last thing seen, after 15 seconds by default
 */
export const until = async <T>(
  what: string,
  look: () => Promise<T>,
  isMet: (value: T) => boolean,
  { seconds = 15, pause = 100 }: Patience = {},
): Promise<T> => {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (isMet(value)) return value;
    if (performance.now() > deadline) {
      throw new Failure(what, `it within ${seconds} s`, describe(value));
    }
    await sleep(pause);
  }
};
