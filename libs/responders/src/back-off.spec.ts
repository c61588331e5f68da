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
