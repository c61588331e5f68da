import fc from 'fast-check';

/** How many random histories are tried; `npm run test:nightly` sets it. */
const runs = Number(process.env['REACHBACK_HISTORIES'] ?? 2_000);
/** A run with the seed of another one tries the same histories; `npm test` the same every time, the nightly run others. */
export const seed = Number(process.env['REACHBACK_SEED'] ?? 32);

/** Tries a property on many histories, and says with which seed, so that the run can be repeated. */
export const check = async <T>(property: fc.IAsyncProperty<T>): Promise<void> => {
  const repeat = `repeat with REACHBACK_SEED=${seed} REACHBACK_HISTORIES=${runs}`;
  const result = await fc.check(property, { numRuns: runs, seed });
  if (!result.failed) {
    process.stdout.write(`${runs} histories agree; ${repeat}\n`);
    return;
  }
  const { numRuns, errorInstance } = result;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`History ${numRuns} of ${runs} is judged differently; ${repeat}\n\n${message}`);
};
