import type { Progress } from '#event-log';

/** How often it says how far it is, in milliseconds. */
const interval = 2_000;

/** Says on standard error, now and then, how far a verification is. */
export const showProgress = (): ((at: Progress) => void) => {
  const began = performance.now();
  let last = began;
  return ({ facts, position, head }) => {
    const now = performance.now();
    if (now - last < interval) return;
    last = now;
    const rate = Math.round(facts / ((now - began) / 1000));
    console.error(`${facts} facts, at position ${position} of ${head}, ${rate} facts/s`);
  };
};
