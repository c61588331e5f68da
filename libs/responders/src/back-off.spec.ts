import { expect, test } from '@jest/globals';
import { BackOff } from './back-off.js';

const second = 1_000;

/** A server that answers so many a second, and a fleet that comes back when it is told to. Who waits, by when it comes. */
const storm = (clients: number, capacity: number) => {
  let now = 0;
  const backOff = new BackOff(() => now);
  const due: number[] = Array.from({ length: clients }, () => 0);
  const asked: number[] = [];
  while (due.length > 0) {
    const coming = due.filter((at) => at <= now);
    const left = due.filter((at) => at > now);
    asked.push(coming.length);
    coming.forEach(() => backOff.ask());
    coming.slice(0, capacity).forEach(() => backOff.serve());
    due.splice(0, due.length, ...left, ...coming.slice(capacity).map(() => now + backOff.refuse() * second));
    now += second;
  }
  return asked;
};

test('who is refused when little is asked comes back after some seconds', () => {
  const waits = Array.from({ length: 100 }, () => new BackOff().refuse());
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(3);
  expect(Math.max(...waits)).toBeLessThanOrEqual(6);
});

test('a fleet that comes back at once is spread until hardly more ask than can be answered, and all are answered', () => {
  const [clients, capacity] = [100_000, 1_000];
  const asked = storm(clients, capacity);
  const questions = asked.reduce((sum, count) => sum + count, 0);
  // Sent away for five seconds each time, they would ask a million times.
  expect(questions).toBeLessThan(4 * clients);
  // Answered without a pause they would need a hundred seconds.
  expect(asked.length).toBeLessThan(200);
});

test('of a server that can answer few, hardly more than those come back, once that is known', () => {
  const asked = storm(10_000, 100);
  const late = asked.slice(60);
  expect(late.length).toBeGreaterThan(0);
  expect(late.reduce((sum, count) => sum + count, 0) / late.length).toBeLessThan(250);
});

test('a quiet hour says nothing of what could have been answered', () => {
  let now = 0;
  const backOff = new BackOff(() => now);
  const longest = () => Math.max(...Array.from({ length: 5_000 }, () => backOff.refuse()));
  const atFirst = longest();
  for (; now < 3_600_000; now += 10_000) backOff.serve();
  expect(longest()).toBe(atFirst);
});

/**
 * A server for which refusing takes a fifth of answering, with a queue of two seconds, and a fleet that asks so many times
 * a second for the first time, besides who was sent away. What was refused in each second, and answered.
 */
const day = (fresh: (second: number) => number, capacity: (second: number) => number, seconds: number) => {
  const [tick, patience, refusing] = [20, 2_000, 0.2];
  let [now, work] = [0, 0];
  const backOff = new BackOff(() => now);
  const waiting: number[] = [];
  const back = new Map<number, number>();
  const refused = Array<number>(seconds).fill(0);
  const answered = Array<number>(seconds).fill(0);
  for (; now < seconds * second; now += tick) {
    const at = Math.floor(now / second);
    work = Math.min(work, 0) + (capacity(at) * tick) / second;
    const coming = (fresh(at) * tick) / second + (back.get(now) ?? 0);
    for (let i = 0; i < coming; i++) {
      backOff.ask();
      if (now - (waiting[0] ?? now) <= patience) waiting.push(now);
      else {
        const due = now + backOff.refuse() * second + (i % 50) * tick;
        back.set(due, (back.get(due) ?? 0) + 1);
        refused[at]!++;
        work -= refusing;
      }
    }
    for (; work >= 1 && waiting.length > 0; work--) {
      waiting.shift();
      backOff.serve();
      answered[at]!++;
    }
  }
  return { refused, answered };
};

test('a server that is slow for a while soon refuses nobody again, though a fleet asks all the time nearly all it can answer', () => {
  const { refused } = day(
    () => 500,
    (at) => (at >= 60 && at < 75 ? 180 : 580),
    180,
  );
  expect(Math.max(...refused.slice(60, 75))).toBeGreaterThan(100);
  expect(Math.max(...refused.slice(120))).toBe(0);
});

test.each([10, 20, 30])(
  'a fleet that is heard to ask once for %d s is not taken for one that asks all the time',
  (lasts) => {
    const { answered } = day(
      (at) => 500 + (at >= 60 && at < 60 + lasts ? 100_000 / lasts : 0),
      () => 3_500,
      200,
    );
    // Answered without a pause they would need 33 seconds.
    const last = answered.findLastIndex((count) => count > 600);
    expect(last - 60).toBeLessThan(100);
    expect(answered.slice(last + 1).every((count) => count > 400)).toBe(true);
  },
);
