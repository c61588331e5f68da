import { expect, test } from '@jest/globals';
import { inTurns } from './turns.js';

const busyFor = (milliseconds: number): void => {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
};

test('items are handled in the order in which they came, those that come meanwhile too', async () => {
  const handled: number[] = [];
  const turns = inTurns<number>((item) => {
    handled.push(item);
    if (item < 3) turns.add(item + 10);
  });
  for (const item of [1, 2, 3]) turns.add(item);
  await turns.idle();
  expect(handled).toEqual([1, 2, 3, 11, 12]);
});

test('nothing is handled before whoever adds has let go, and nothing is left', async () => {
  let handled = 0;
  const turns = inTurns<number>(() => handled++);
  for (let i = 0; i < 5_000; i++) turns.add(i);
  expect(handled).toBe(0);
  await turns.idle();
  expect(handled).toBe(5_000);
  await turns.idle();
});

test('however many items there are, others have their turn between them', async () => {
  const others: number[] = [];
  let handled = 0;
  const turns = inTurns<number>(() => {
    busyFor(1);
    handled++;
  });
  const other = (): void => {
    others.push(handled);
    if (handled < 200) setTimeout(other);
  };
  for (let i = 0; i < 200; i++) turns.add(i);
  other();
  await turns.idle();
  expect(others.some((count) => count > 0 && count < 200)).toBe(true);
});
