import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until `look` gives something that `isMet`, and returns it; fails with the last look after a while. */
export const until = async <T>(
  look: () => Promise<T> | T,
  isMet: (value: T) => boolean = Boolean,
  { seconds = 30, pause = 50 }: { seconds?: number; pause?: number } = {},
): Promise<T> => {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const value = await look();
      if (isMet(value)) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not met after ${seconds} s; last: ${describe(last)}`);
    await sleep(pause);
  }
};

const describe = (value: unknown): string => (value instanceof Error ? value.message : JSON.stringify(value));
