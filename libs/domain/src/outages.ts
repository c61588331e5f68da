import { firstIndex } from './search.js';

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
    const first = firstIndex(ends.length, (i) => (ends[i] ?? 0) > since);
    const length = (sums.at(-1) ?? 0) - (sums[first - 1] ?? 0);
    return length + (ends.length - first) * (interval + reconnectAllowance);
  }

  private index(outage: Outage): void {
    this.ends.push(outage.to);
    this.sums.push((this.sums.at(-1) ?? 0) + outage.to - outage.from);
  }
}
