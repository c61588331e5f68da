import type { AddressRange } from './ranges.js';
import { firstIndex } from './search.js';

/** An address family cut where any range begins or ends: from `starts[i]` up to the next start, the same one wins. */
export type Segments = {
  readonly starts: readonly bigint[];
  /** Which of the ranges wins in each segment, by its index; `none` where there is no range. */
  readonly winners: Int32Array;
};

/** No range. */
export const none = -1;

/**
 * Cuts overlapping ranges of one family into disjoint segments. Ranges come with the winners first: each is painted
 * over what is still bare, and what is painted is skipped ever after, so that n ranges take n log n steps however they
 * overlap.
 */
export const cutSegments = (ranges: readonly (AddressRange & { readonly index: number })[]): Segments => {
  // Where two edges meet, the segment between them is empty: no address lies in it.
  const starts = ranges.flatMap(({ from, to }) => [from, to + 1n]).sort(compare);
  const winners = new Int32Array(starts.length).fill(none);
  /** The first bare segment at or after each, with the paths to it halved as they are walked. */
  const bare = Int32Array.from({ length: starts.length + 1 }, (_, segment) => segment);
  const firstBare = (from: number): number => {
    let segment = from;
    for (let next = at(bare, segment); next !== segment; next = at(bare, segment)) {
      bare[segment] = at(bare, next);
      segment = at(bare, segment);
    }
    return segment;
  };
  for (const { from, to, index } of ranges) {
    const end = segmentAt(starts, to + 1n);
    for (let segment = firstBare(segmentAt(starts, from)); segment < end; segment = firstBare(segment)) {
      winners[segment] = index;
      bare[segment] = segment + 1;
    }
  }
  return { starts, winners };
};

/** Which range wins at an address, or `none`. */
export const winnerAt = ({ starts, winners }: Segments, address: bigint): number =>
  at(winners, segmentAt(starts, address));

/**
 * The segment an address lies in; -1 before the first. A binary search, and no map by the address: V8 hashes a bigint
 * by its lowest 64 bits, which are 0 in every IPv6 prefix.
 */
const segmentAt = (starts: readonly bigint[], address: bigint): number =>
  firstIndex(starts.length, (i) => (starts[i] ?? 0n) > address) - 1;

const at = (numbers: Int32Array, i: number): number => numbers[i] ?? none;

export const compare = (a: bigint, b: bigint): number => Number(a - b);
