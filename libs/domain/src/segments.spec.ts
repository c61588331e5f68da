import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileNetworks, type NetworkRanges } from './networks.js';
import { parseAddress, parseRange } from './ranges.js';
import { compare, cutSegments, winnerAt } from './segments.js';

describe('many networks', () => {
  test('R1: a classifier answers as looking at every range would, at their boundaries too', () => {
    fc.assert(
      fc.property(networkLists, fc.array(fc.oneof(ipv4, ipv6), { maxLength: 4 }), (networks, ips) => {
        const compiled = compileNetworks(networks);
        const cases = [...[...edgesOf(networks), ...ips].map((one) => [one]), ips, ips.toReversed()];
        const answers = cases.map((addresses) => compiled(addresses).networkName);
        expect(answers).toEqual(cases.map(scan(networks)));
      }),
    );
  });

  test('R1: ten thousand ranges cost an address fifteen comparisons at most', () => {
    const ranges = Array.from({ length: 10_000 }, (_, i) => ({
      kind: 'ipv4' as const,
      from: BigInt(i * 100),
      to: BigInt(i * 100 + (i % 7) * 30),
      index: i,
    }));
    const { starts, winners } = cutSegments(ranges);
    let looks = 0;
    const counted = new Proxy(starts, {
      get: (target, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
        return Reflect.get(target, key) as unknown;
      },
    });
    for (let address = 0n; address < 1_000_000n; address += 997n) {
      looks = 0;
      winnerAt({ starts: counted, winners }, address);
      expect(looks).toBeLessThanOrEqual(15);
    }
  });
});

/** A few neighbouring addresses, so that ranges meet and overlap. */
const ipv4 = fc.nat({ max: 40 }).map((last) => `10.0.0.${last}`);
const ipv6 = fc.nat({ max: 40 }).map((last) => `fd00::${last.toString(16)}`);
const spanOf = (address: fc.Arbitrary<string>) =>
  fc.tuple(address, address).map(([a, b]) => (valueOf(a) <= valueOf(b) ? `${a}-${b}` : `${b}-${a}`));
const range = fc.oneof(
  ipv4,
  ipv6,
  ipv4.map((address) => `::ffff:${address}`),
  spanOf(ipv4),
  spanOf(ipv6),
  fc.tuple(ipv4, fc.integer({ min: 24, max: 32 })).map(([address, length]) => `${address}/${length}`),
  fc.tuple(ipv6, fc.integer({ min: 120, max: 128 })).map(([address, length]) => `${address}/${length}`),
  fc.constantFrom('0.0.0.0/0', '::/0', '::ffff:10.0.0.0/124', '255.255.255.255', '10.0.0.8-255.255.255.255'),
);
const networkLists = fc
  .array(fc.array(range, { minLength: 1, maxLength: 4 }), { maxLength: 6 })
  .map((lists) => lists.map((ranges, i): NetworkRanges => ({ name: `n${i}`, ranges })));

const valueOf = (ip: string): bigint => parseAddress(ip)?.value ?? -1n;

/** The first and last addresses of every range and their neighbours, as texts. */
const edgesOf = (networks: readonly NetworkRanges[]): readonly string[] =>
  networks.flatMap(({ ranges }) =>
    ranges.map(parseRange).flatMap(({ kind, from, to }) =>
      [from - 1n, from, to, to + 1n]
        .filter((value) => value >= 0n && value < 1n << (kind === 'ipv4' ? 32n : 128n))
        .map((value) => {
          const hex = value.toString(16).padStart(kind === 'ipv4' ? 8 : 32, '0');
          return kind === 'ipv4'
            ? (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.')
            : (hex.match(/..../g) ?? []).join(':');
        }),
    ),
  );

/** The rule as one would say it: of all ranges around any of the addresses, the smallest; of equals, the first. */
const scan = (networks: readonly NetworkRanges[]) => {
  const parsed = networks.flatMap(({ name, ranges }) => ranges.map((range) => ({ name, ...parseRange(range) })));
  const bySize = parsed.sort((a, b) => compare(a.to - a.from, b.to - b.from));
  return (ips: readonly string[]): string | null => {
    const addresses = ips.map(parseAddress);
    const best = bySize.find(({ kind, from, to }) =>
      addresses.some((address) => address?.kind === kind && from <= address.value && address.value <= to),
    );
    return best?.name ?? null;
  };
};
