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

  test.each([0, 99, 100, 12_345, 3_599_899, 3_599_999])(
    '%d ms are due when their tenth of a second has passed',
    (due) => {
      for (const start of [0, 1_795_425_000_000]) {
        const wheel = new TimingWheel(1, start);
        const handed: number[] = [];
        wheel.hang(0, start + due);
        const end = start + (Math.floor(due / 100) + 1) * 100;
        for (const now of [end - 1, end, end + 3_600_000]) wheel.advance(now, () => handed.push(now));
        expect(handed).toEqual([end]);
      }
    },
  );

  test('a deadline that has passed is due at once; time that goes back hands over nobody', () => {
    const wheel = new TimingWheel(1, 10_000);
    const handed: number[] = [];
    wheel.hang(0, 0);
    for (const now of [0, 10_099, 10_100]) wheel.advance(now, () => handed.push(now));
    expect(handed).toEqual([10_100]);
  });

  test('after a pause longer than its reach everybody is due, once', () => {
    const wheel = new TimingWheel(3, 0);
    for (const ordinal of [0, 1, 2]) wheel.hang(ordinal, ordinal * 1_500_000);
    const due: number[] = [];
    wheel.advance(86_400_000, (ordinal) => due.push(ordinal));
    wheel.advance(2 * 86_400_000, (ordinal) => due.push(ordinal));
    expect(due).toEqual([0, 1, 2]);
  });

  test('whoever is taken off leaves the others in their slot, in whatever order', () => {
    const all = [0, 1, 2, 3];
    for (const [first, second] of all.flatMap((a) => all.filter((b) => b !== a).map((b) => [a, b] as const))) {
      const wheel = new TimingWheel(4, 0);
      for (const ordinal of all) wheel.hang(ordinal, 1_000);
      wheel.remove(first);
      wheel.remove(second);
      const due: number[] = [];
      wheel.advance(1_100, (ordinal) => due.push(ordinal));
      expect(due.sort()).toEqual(all.filter((ordinal) => ordinal !== first && ordinal !== second));
    }
  });

  test('taking off somebody who does not hang any more disturbs nobody', () => {
    const wheel = new TimingWheel(3, 0);
    for (const ordinal of [0, 1]) wheel.hang(ordinal, 1_000);
    wheel.advance(1_100, () => undefined);
    for (const ordinal of [2, 1]) wheel.hang(ordinal, 2_000);
    wheel.remove(0);
    const due: number[] = [];
    wheel.advance(2_100, (ordinal) => due.push(ordinal));
    expect(due.sort()).toEqual([1, 2]);
  });

  test('grows with the fleet, and whoever hung in it stays', () => {
    const wheel = new TimingWheel(2, 0);
    wheel.hang(0, 1_000);
    wheel.hang(1, 1_000);
    wheel.grow(4);
    expect(wheel.capacity).toBe(4);
    wheel.hang(3, 1_000);
    wheel.remove(2);
    wheel.remove(0);
    const due: number[] = [];
    wheel.advance(1_100, (ordinal) => due.push(ordinal));
    expect(due.sort()).toEqual([1, 3]);
  });
});
