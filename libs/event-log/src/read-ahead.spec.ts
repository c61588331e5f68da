import { describe, expect, test } from '@jest/globals';
import { readAhead, readPages } from './read-ahead.js';

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

  test('goes on from where a page ended while that one is worked on, until one is empty', async () => {
    const begun: bigint[] = [];
    const read = async (after: bigint) => {
      begun.push(after);
      return after < 4n ? [{ at: after + 1n }, { at: after + 2n }] : [];
    };
    const seen: (readonly [readonly bigint[], number])[] = [];
    for await (const page of readPages(0n, read, ({ at }) => at)) seen.push([page.map(({ at }) => at), begun.length]);
    expect(seen).toEqual([
      [[1n, 2n], 2],
      [[3n, 4n], 3],
    ]);
    expect(begun).toEqual([0n, 2n, 4n]);
  });
});
