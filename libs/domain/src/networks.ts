import { type AddressRange, parseAddress, parseRange } from './ranges.js';
import { compare, cutSegments, none, winnerAt } from './segments.js';

/** A named list of ranges whose machines cannot be dialled (R1). */
export type NetworkRanges = { readonly name: string; readonly ranges: readonly string[] };
export type Classification = { readonly network: 'direct' | 'unreachable'; readonly networkName: string | null };

/** Answers which network, if any, a client with these addresses is in; a text that is no address lies in none. */
export type Classifier = (ips: readonly string[]) => Classification;

const direct: Classification = { network: 'direct', networkName: null };

const sizeOf = ({ from, to }: AddressRange): bigint => to - from;

/**
 * Builds a classifier (R1). Where networks overlap, the most specific range around the address wins: the one with the
 * fewest addresses, and of equals the one of the network that comes first in the list.
 *
 * A client may report several addresses, in any order: the same rule then chooses among the ranges around all of them,
 * so that its network does not change with the order in which its interfaces are listed.
 *
 * The ranges are put in the order of precedence once, and cut into disjoint segments: an address is classified by one
 * binary search, however many ranges there are.
 *
 * @throws {RangeError} when a range cannot be read
 */
export const compileNetworks = (networks: readonly NetworkRanges[]): Classifier => {
  const ranges = networks
    .flatMap(({ name, ranges }) => ranges.map((range) => ({ ...parseRange(range), name })))
    .sort((a, b) => compare(sizeOf(a), sizeOf(b)))
    .map((range, index) => ({ ...range, index }));
  const segments = {
    ipv4: cutSegments(ranges.filter(({ kind }) => kind === 'ipv4')),
    ipv6: cutSegments(ranges.filter(({ kind }) => kind === 'ipv6')),
  };
  return (ips) => {
    let best = ranges.length;
    for (const ip of ips) {
      const address = parseAddress(ip);
      if (!address) continue;
      const winner = winnerAt(segments[address.kind], address.value);
      if (winner !== none && winner < best) best = winner;
    }
    const winning = ranges[best];
    return winning ? { network: 'unreachable', networkName: winning.name } : direct;
  };
};
