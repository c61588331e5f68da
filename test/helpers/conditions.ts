import { setTimeout as sleep } from 'node:timers/promises';

/** The longest between two looks, in milliseconds. */
const longestPause = 250;

/**
 * Looks again and again until `look` gives something that `isMet`, and returns it; fails with the last look after a while.
 * The pauses in between, in milliseconds, begin short and become longer, and are no shorter than what a look takes: who
 * waits for a busy system must not keep it busy.
 */
export const until = async <T>(
  look: () => Promise<T> | T,
  isMet: (value: T) => boolean = Boolean,
  { seconds = 30, pause = 50 }: { seconds?: number; pause?: number } = {},
): Promise<T> => {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (let next = pause; ; next = Math.min(next * 1.2, Math.max(pause, longestPause))) {
    const began = Date.now();
    try {
      const value = await look();
      if (isMet(value)) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not met after ${seconds} s; last: ${describe(last)}`);
    await sleep(Math.max(next, Date.now() - began));
  }
};

const describe = (value: unknown): string => (value instanceof Error ? value.message : JSON.stringify(value));
