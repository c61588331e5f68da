import { describe, expect, test } from '@jest/globals';
import { compileNetworks, parseRange } from './networks.js';

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

  test.each([['10.0.0.0/33'], ['10.0.0.9-10.0.0.1'], ['10.0.0.1-fd00::1'], ['hello'], ['10.0.0.1-'], ['']])(
    'R1: %p is refused by name',
    (range) => {
      expect(() => parseRange(range)).toThrow(RangeError);
    },
  );
});
