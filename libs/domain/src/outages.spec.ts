import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outages, reconnectAllowance } from './outages.js';

describe('outages', () => {
  test('G1: a deadline moves by the outage, one interval, and the time to reconnect', () => {
    const outages = new Outages();
    outages.add({ from: 100_000, to: 160_000 });
    expect(outages.delayAfter(90_000, 5_000)).toBe(60_000 + 5_000 + reconnectAllowance);
    expect(outages.delayAfter(160_000, 5_000)).toBe(0);
  });

  test.each([
    [0, 60, 3],
    [19, 60, 3],
    [20, 50, 2],
    [49, 50, 2],
    [50, 30, 1],
    [89, 30, 1],
    [90, 0, 0],
  ])('G1: who was heard last at %d waits for those that ended later: %d ms in %d outages', (since, length, count) => {
    const outages = new Outages([
      { from: 10, to: 20 },
      { from: 30, to: 50 },
      { from: 60, to: 90 },
    ]);
    expect(outages.delayAfter(since, 5_000)).toBe(length + count * (5_000 + reconnectAllowance));
    expect(outages.isAfter(since)).toBe(count > 0);
  });

  test('G1: without an outage nothing moves', () => {
    expect(new Outages().delayAfter(0, 5_000)).toBe(0);
    expect(new Outages().isAfter(0)).toBe(false);
  });

  test('G1: several outages add up as a plain sum does', () => {
    const spans = fc.array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(spans, fc.integer({ min: 0, max: 20_000 }), (lengths, since) => {
        let time = 0;
        const list = lengths.map(([up, down]) => {
          const from = time + up;
          time = from + down;
          return { from, to: time };
        });
        const expected = list
          .filter((outage) => outage.to > since)
          .reduce((sum, outage) => sum + outage.to - outage.from + 7 + reconnectAllowance, 0);
        expect(new Outages(list).delayAfter(since, 7)).toBe(expected);
      }),
    );
  });
});
