import fc from 'fast-check';
import { startProgress } from '../helpers/progress.js';

/** How many random histories are tried; `npm run test:nightly` sets it. */
const runs = Number(process.env['REACHBACK_HISTORIES'] ?? 1_000);
/** A run with the seed of another one tries the same histories; `npm test` the same every time, the nightly run others. */
export const seed = Number(process.env['REACHBACK_SEED'] ?? 32);

/** Which of the histories is tried alone, counted from 1, and no smaller one looked for; all of them, if not set. */
const only = process.env['REACHBACK_HISTORY'];

/** Tries a property on many histories, and says how to repeat the run, or the one history that it fails for. */
export const check = async <T>(property: fc.IAsyncPropertyWithHooks<T>): Promise<void> => {
  const one = only === undefined ? {} : { path: String(Number(only) - 1), endOnFailure: true };
  const repeat = `repeat with REACHBACK_SEED=${seed} REACHBACK_HISTORIES=${runs}`;
  const progress = startProgress('histories', runs);
  let tried = 0;
  property.beforeEach(() => progress(tried++));
  const result = await fc.check(property, { numRuns: only === undefined ? runs : 1, seed, ...one });
  if (!result.failed) {
    process.stdout.write(`${runs} histories agree; ${repeat}\n`);
    return;
  }
  const { numRuns, errorInstance } = result;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`History ${numRuns} of ${runs} is judged differently; ${repeat}\n\n${message}`);
};
