/** The value below which a share (0 to 1) of the values lie; NaN of none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Counts whole milliseconds, so that millions of values cost nothing. */
export class MillisecondHistogram {
  private readonly counts = new Uint32Array(600_000);
  total = 0;

  /** Negative values, of clocks that differ by a tick, count as 0. */
  add(milliseconds: number): void {
    const slot = Math.min(Math.max(Math.floor(milliseconds), 0), this.counts.length - 1);
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    this.total++;
  }

  percentile(share: number): number {
    let left = Math.min(Math.floor(share * this.total), this.total - 1);
    for (let slot = 0; slot < this.counts.length; slot++) {
      left -= this.counts[slot] ?? 0;
      if (left < 0) return slot;
    }
    return Number.NaN;
  }
}

export const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits;
