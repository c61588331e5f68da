import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Classifier, compileNetworks } from './networks.js';
import { parseRange } from './ranges.js';

const networks = [
  { name: 'paris', ranges: ['10.0.0.0/8', '192.168.1.10-192.168.1.99', 'fd00::/8'] },
  { name: 'lab', ranges: ['10.9.0.0/16'] },
];
const classify: Classifier = (ips) => compileNetworks(networks)(ips);

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
    ['10.0.0.0/33', 'is no CIDR prefix'],
    ['fd00::/129', 'is no CIDR prefix'],
    ['10.0.0.0/', 'is no CIDR prefix'],
    ['10.0.0.0/x8', 'is no CIDR prefix'],
    ['10.0.0.0/8x', 'is no CIDR prefix'],
    ['10.0.0.0/8/8', 'is no CIDR prefix'],
    ['10/8', 'is no CIDR prefix'],
    ['10.0.0.9-10.0.0.1', 'does not run from a lower to a higher address'],
    ['10.0.0.1-fd00::1', 'does not run from a lower to a higher address'],
    ['10.0.0.1-', 'is no range of two addresses'],
    ['-10.0.0.1', 'is no range of two addresses'],
    ['10.0.0.1-10.0.0.2-10.0.0.3', 'is no range of two addresses'],
    ['hello', 'is no range; write 10.0.0.0/8, 192.168.1.10-192.168.1.99 or fd00::/8'],
    ['', 'is no range'],
    ['010.0.0.1', 'is no range'],
    ['10.0.0.010', 'is no range'],
    ['10.0.0.0x1f', 'is no range'],
    ['10.0.0.256', 'is no range'],
    ['fe80::/10%eth0', 'has a zone; write the range without it'],
    ['fe80::1%eth0', 'has a zone; write the range without it'],
  ])('R1: %p is refused: it %s', (range, reason) => {
    expect(() => parseRange(range)).toThrow(RangeError);
    expect(() => parseRange(range)).toThrow(`"${range}" ${reason}`);
  });

  test.each([
    ['10.1.2.3', 'ipv4', 0x0a010203n, 0x0a010203n],
    [' 10.0.0.1 - 10.0.0.9 ', 'ipv4', 0x0a000001n, 0x0a000009n],
    [' 10.1.2.3 ', 'ipv4', 0x0a010203n, 0x0a010203n],
    ['10.1.2.3/32', 'ipv4', 0x0a010203n, 0x0a010203n],
    ['10.1.2.3/8', 'ipv4', 0x0a000000n, 0x0affffffn],
    ['0.0.0.0/0', 'ipv4', 0n, 0xffffffffn],
    ['::ffff:0:0/96', 'ipv4', 0n, 0xffffffffn],
    ['::ffff:0:0/95', 'ipv6', 0xfffe_0000_0000n, 0xffff_ffff_ffffn],
    ['fd00::1:2/112', 'ipv6', (0xfd00n << 112n) | 0x10000n, (0xfd00n << 112n) | 0x1ffffn],
    ['::1-::a', 'ipv6', 1n, 10n],
  ])('R1: %s covers these addresses of %s, the last one too', (range, kind, from, to) => {
    expect(parseRange(range)).toEqual({ kind, from, to });
  });

  test('R1: whatever a client calls its address, classifying it fails nobody', () => {
    const compiled = compileNetworks(networks);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), almostAddress, oddAddress)), (ips) => {
        expect(['direct', 'unreachable']).toContain(compiled(ips).network);
      }),
    );
  });
});

const almostAddress = fc.string({ unit: fc.constantFrom(...'0123456789abcdef::..%') });
const oddAddress = fc
  .tuple(fc.constantFrom('fe80::1', '10.0.0.1', '::ffff:10.0.0.1', '::'), fc.string({ maxLength: 4 }))
  .map(([address, zone]) => `${address}%${zone}`);
