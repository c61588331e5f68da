/** How evenly contacts arrive, by the counts of each second. */
export type Spread = {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Of the second that is farthest from the mean, as a share of the mean. */
  readonly worst: number;
};

/** What a second may be off the mean, as a share of it (G9). */
export const spreadLimit = 0.2;

/** Counts of each second of an interval, of contacts that came some time before and come again every interval. */
export const fold = (counts: readonly number[], interval: number): readonly number[] =>
  Array.from({ length: interval }, (_, second) =>
    counts.reduce((sum, count, i) => (i % interval === second ? sum + count : sum), 0),
  );

export const spreadOf = (counts: readonly number[]): Spread => {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const min = Math.min(...counts);
  const max = Math.max(...counts);
  return { mean, min, max, worst: Math.max(max - mean, mean - min) / mean };
};
