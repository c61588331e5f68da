import { describe, expect, test } from '@jest/globals';
import { readAhead } from './read-ahead.js';

describe('reading ahead', () => {
  test('begins with the next before the one before is worked on, and hands out all in order', async () => {
    const begun: number[] = [];
    const read = async (item: number) => {
      begun.push(item);
      return item * 10;
    };
    const seen: (readonly [number, number])[] = [];
    for await (const value of readAhead([1, 2, 3], read)) seen.push([value, begun.length]);
    expect(seen).toEqual([
      [10, 2],
      [20, 3],
      [30, 3],
    ]);
  });

  test('fails where it comes to what failed, and nowhere else if nobody comes for it', async () => {
    const read = (item: number) => (item === 2 ? Promise.reject(new Error('two')) : Promise.resolve(item));
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const value of readAhead([1, 2, 3], read)) seen.push(value);
      })(),
    ).rejects.toThrow('two');
    expect(seen).toEqual([1]);
    for await (const value of readAhead([1, 2], read)) {
      expect(value).toBe(1);
      break;
    }
  });
});
