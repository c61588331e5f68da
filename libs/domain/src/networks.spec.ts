import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileNetworks, type NetworkRanges } from './networks.js';
import { parseAddress, parseRange } from './ranges.js';
import { compare, cutSegments, winnerAt } from './segments.js';

const classify = compileNetworks([
  { name: 'paris', ranges: ['10.0.0.0/8', '192.168.1.10-192.168.1.99', 'fd00::/8'] },
  { name: 'lab', ranges: ['10.9.0.0/16'] },
]);

describe('networks', () => {
  test.each([
    ['10.1.2.3', 'paris'],
    ['10.255.255.255', 'paris'],
    ['11.0.0.0', null],
    ['192.168.1.9', null],
    ['192.168.1.10', 'paris'],
    ['192.168.1.99', 'paris'],
    ['192.168.1.100', null],
    ['fd12:3456::1', 'paris'],
    ['fe80::1', null],
    ['not an address', null],
  ])('R1: %s lies in %p', (ip, networkName) => {
    expect(classify([ip])).toEqual({ network: networkName ? 'unreachable' : 'direct', networkName });
  });

  test('R1: IPv4-mapped IPv6 addresses match as IPv4, in clients and in ranges', () => {
    expect(classify(['::ffff:10.1.2.3']).networkName).toBe('paris');
    expect(compileNetworks([{ name: 'm', ranges: ['::ffff:10.0.0.0/104'] }])(['10.200.0.1']).networkName).toBe('m');
  });

  test('R1: one address in a network is enough; a client without any is direct', () => {
    expect(classify(['8.8.8.8', '10.1.2.3']).network).toBe('unreachable');
    expect(classify([]).network).toBe('direct');
  });

  test('R1: where networks overlap, the smallest range wins', () => {
    expect(classify(['10.9.1.1']).networkName).toBe('lab');
  });

  test('R1: of ranges of one size, the network that comes first in the list wins', () => {
    const first = { name: 'first', ranges: ['10.0.0.0-10.0.0.255'] };
    const second = { name: 'second', ranges: ['10.0.0.0/24', '10.0.0.128-10.0.1.127'] };
    expect(compileNetworks([first, second])(['10.0.0.200']).networkName).toBe('first');
    expect(compileNetworks([second, first])(['10.0.0.200']).networkName).toBe('second');
  });

  test('R1: of several addresses the most specific hit wins, in whatever order they are reported', () => {
    const ips = ['10.1.2.3', 'fd00::1', '10.9.1.1', '8.8.8.8'];
    expect(classify(ips).networkName).toBe('lab');
    expect(classify(ips.toReversed()).networkName).toBe('lab');
  });

  test('R1: a zone names an interface, not a place in a network', () => {
    const local = compileNetworks([{ name: 'local', ranges: ['fe80::/10'] }]);
    expect(local(['fe80::1%eth0']).networkName).toBe('local');
    expect(classify(['::ffff:10.1.2.3%eth0']).networkName).toBe('paris');
  });

  test.each([
    ['10.0.0.0/33'],
    ['10.0.0.9-10.0.0.1'],
    ['10.0.0.1-fd00::1'],
    ['hello'],
    ['10.0.0.1-'],
    [''],
    ['10/8'],
    ['010.0.0.1'],
    ['fe80::/10%eth0'],
    ['fe80::1%eth0'],
  ])('R1: %p is refused by name', (range) => {
    expect(() => parseRange(range)).toThrow(RangeError);
  });

  test('R1: whatever a client calls its address, classifying it fails nobody', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), almostAddress, oddAddress)), (ips) => {
        expect(['direct', 'unreachable']).toContain(classify(ips).network);
      }),
    );
  });
});

const almostAddress = fc.string({ unit: fc.constantFrom(...'0123456789abcdef::..%') });
const oddAddress = fc
  .tuple(fc.constantFrom('fe80::1', '10.0.0.1', '::ffff:10.0.0.1', '::'), fc.string({ maxLength: 4 }))
  .map(([address, zone]) => `${address}%${zone}`);

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
