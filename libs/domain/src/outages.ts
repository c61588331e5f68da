/** A time during which nothing could arrive, in milliseconds of the log's time. */
export type Outage = { readonly from: number; readonly to: number };

/** How long agents need to notice that the broker is back, in milliseconds; see docs/adr/0004. */
export const reconnectAllowance = 5_000;

/**
 * The outages of a lane, and by how much they move deadlines (G1): each by its length, plus one interval of the
 * client, plus what it takes to reconnect. Sums are kept, so asking costs a binary search however many there were.
 */
export class Outages {
  private readonly ends: number[] = [];
  private readonly sums: number[] = [];

  constructor(readonly list: Outage[] = []) {
    for (const outage of list) this.index(outage);
  }

  add(outage: Outage): void {
    this.list.push(outage);
    this.index(outage);
  }

  /** Whether one ended after a time. */
  isAfter(time: number): boolean {
    return time < (this.ends.at(-1) ?? 0);
  }

  /** By how much a deadline that is measured from `since` moves, for a client that speaks every `interval`. */
  delayAfter(since: number, interval: number): number {
    const { ends, sums } = this;
    const last = ends.length - 1;
    if (last < 0 || since >= (ends[last] ?? 0)) return 0;
    const first = this.firstEndingAfter(since);
    const length = (sums[last] ?? 0) - (first > 0 ? (sums[first - 1] ?? 0) : 0);
    return length + (last - first + 1) * (interval + reconnectAllowance);
  }

  private index(outage: Outage): void {
    this.ends.push(outage.to);
    this.sums.push((this.sums.at(-1) ?? 0) + outage.to - outage.from);
  }

  private firstEndingAfter(time: number): number {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ends[middle] ?? 0) > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
