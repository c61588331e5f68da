import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TimingWheel } from './wheel.js';

describe('timing wheel', () => {
  test('hands over everybody whose deadline lies before, nobody twice, and nobody more than a slot late', () => {
    const hanging = fc.array(fc.tuple(fc.integer({ min: 0, max: 49 }), fc.integer({ min: 0, max: 100_000 })), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(hanging, fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 40 }), (hangs, steps) => {
        const wheel = new TimingWheel(50, 0);
        const deadlines = new Map<number, number>();
        for (const [ordinal, deadline] of hangs) {
          wheel.hang(ordinal, deadline);
          deadlines.set(ordinal, deadline);
        }
        let now = 0;
        for (const step of steps) {
          now += step;
          wheel.advance(now, (ordinal) => {
            expect(deadlines.get(ordinal)).toBeLessThan(now);
            deadlines.delete(ordinal);
          });
          for (const deadline of deadlines.values()) expect(deadline).toBeGreaterThan(now - 101);
        }
      }),
    );
  });

  test('a deadline beyond its reach comes round early, to be asked again', () => {
    const wheel = new TimingWheel(1, 0);
    const day = 86_400_000;
    wheel.hang(0, day);
    let asked = 0;
    for (let now = 0; now <= day + 200; now += 10_000) {
      wheel.advance(now, (ordinal) => {
        asked++;
        if (now < day) wheel.hang(ordinal, day);
      });
    }
    expect(asked).toBeGreaterThanOrEqual(23);
    expect(asked).toBeLessThanOrEqual(26);
  });

  test('whoever was taken off is not handed over', () => {
    const wheel = new TimingWheel(3, 0);
    for (const ordinal of [0, 1, 2]) wheel.hang(ordinal, 1_000);
    wheel.remove(1);
    const due: number[] = [];
    wheel.advance(2_000, (ordinal) => due.push(ordinal));
    expect(due.sort()).toEqual([0, 2]);
  });
});
