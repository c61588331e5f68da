import { describe, expect, test } from '@jest/globals';
import { ReachbackError } from '#contracts';
import { FailedAttempts } from './failed-attempts.js';

const minute = 60_000;

/** Attempts at a time that the test sets. */
const attemptsAt = (capacity?: number) => {
  const clock = { now: 1_000_000 };
  const attempts = new FailedAttempts(() => clock.now, capacity);
  /** Seconds to wait; 0 is none. */
  const waitOf = (address: string, keyId?: string): number => {
    try {
      attempts.assertMayTry({ address, keyId });
      return 0;
    } catch (error) {
      if (error instanceof ReachbackError && error.code === 'too_many_failures') return error.retryAfterSeconds ?? 0;
      throw error;
    }
  };
  const fail = (times: number, address: string, keyId?: string) => {
    for (let i = 0; i < times; i++) attempts.count({ address, keyId });
  };
  return { clock, waitOf, fail };
};

test('an address that sent 20 wrong keys waits half a minute, then ever longer, up to a quarter of an hour', () => {
  const { clock, waitOf, fail } = attemptsAt();
  fail(19, '192.0.2.1');
  expect(waitOf('192.0.2.1')).toBe(0);
  fail(1, '192.0.2.1');
  expect(waitOf('192.0.2.1')).toBe(30);
  const waits = [1, 2, 3, 4, 5, 6].map(() => {
    clock.now += waitOf('192.0.2.1') * 1000;
    expect(waitOf('192.0.2.1')).toBe(0);
    fail(1, '192.0.2.1');
    return waitOf('192.0.2.1');
  });
  expect(waits).toEqual([60, 120, 240, 480, 900, 900]);
});

test('an address that sent 5 wrong ones for a key waits with that key alone', () => {
  const { waitOf, fail } = attemptsAt();
  fail(5, '192.0.2.1', 'abc');
  expect([waitOf('192.0.2.1', 'abc'), waitOf('192.0.2.1', 'other'), waitOf('192.0.2.1')]).toEqual([30, 0, 0]);
});

describe('nobody is locked out by another', () => {
  test('a key by failures elsewhere, however many', () => {
    const { waitOf, fail } = attemptsAt();
    for (let i = 0; i < 1000; i++) fail(30, `198.51.${i >> 8}.${i & 255}`, 'abc');
    expect(waitOf('203.0.113.9', 'abc')).toBe(0);
  });

  test('an address by another one; of IPv6 a site is one', () => {
    const { waitOf, fail } = attemptsAt();
    fail(20, '2001:db8:1:2::1');
    expect(waitOf('2001:db8:1:2:ffff::9')).toBe(30);
    expect(waitOf('2001:db8:1:3::1')).toBe(0);
    fail(20, '::ffff:192.0.2.1');
    expect([waitOf('192.0.2.1'), waitOf('192.0.2.2')]).toEqual([30, 0]);
  });
});

test('failures are forgotten after a quarter of an hour without another', () => {
  const { clock, waitOf, fail } = attemptsAt();
  fail(19, '192.0.2.1');
  clock.now += 15 * minute;
  fail(19, '192.0.2.1');
  expect(waitOf('192.0.2.1')).toBe(0);
  clock.now += 15 * minute - 1;
  fail(1, '192.0.2.1');
  expect(waitOf('192.0.2.1')).toBe(30);
});

test('so many are remembered; then whoever failed longest ago is forgotten', () => {
  const { waitOf, fail } = attemptsAt(2);
  fail(20, '192.0.2.1');
  fail(20, '192.0.2.2');
  expect(waitOf('192.0.2.1')).toBe(30);
  fail(1, '192.0.2.3');
  expect([waitOf('192.0.2.1'), waitOf('192.0.2.2')]).toEqual([0, 30]);
});
