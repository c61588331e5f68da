import fc from 'fast-check';

/** How many inputs a run tries; `npm run test:nightly` sets it. Half are messages of agents, an eighth requests. */
export const inputs = Number(process.env['REACHBACK_FUZZ_INPUTS'] ?? 8_000);
/** `npm test` tries the same every time, the nightly run others. */
export const seed = Number(process.env['REACHBACK_SEED'] ?? 32);

export const repeat = `repeat with REACHBACK_SEED=${seed} REACHBACK_FUZZ_INPUTS=${inputs}`;

/** Values of an arbitrary in so many blocks, made one after the other: a million need no more memory than a thousand. */
export function* blocksOf<T>(arbitrary: fc.Arbitrary<T>, count: number, blocks: number): Generator<readonly T[]> {
  for (let i = 0; i < blocks; i++) {
    const [from, to] = [Math.floor((count * i) / blocks), Math.floor((count * (i + 1)) / blocks)];
    yield fc.sample(arbitrary, { numRuns: to - from, seed: seed + from });
  }
}

/** Works on all items, so many at a time. */
export const inParallel = async <T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> => {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
};
