import { describe, expect, test } from '@jest/globals';
import type { LaneLease } from '#event-log';
import { lanesToClaim, type Sharing } from './share-lanes.js';

/** Lanes by their owners, `-` for nobody; a capital letter is an owner that has fallen silent. */
const leases = (owners: string): readonly LaneLease[] =>
  [...owners].map((owner, lane) => ({
    lane,
    owner: owner === '-' ? null : owner.toLowerCase(),
    silence: owner === owner.toLowerCase() ? 0.5 : 6,
  }));
const claims = (owners: string, options: Partial<Sharing> = {}): number[] =>
  lanesToClaim({ process: 'a', living: ['a'], leases: leases(owners), isNew: false, mayInherit: true, ...options }).map(
    ({ lane }) => lane,
  );

describe('lanesToClaim', () => {
  test('whoever is alone takes all that nobody works on, at once', () => {
    expect(claims('--------')).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(claims('BBBa')).toEqual([0, 1, 2]);
  });

  test('of lanes that nobody works on, nobody takes more than its share', () => {
    expect(claims('abcCCbaC', { living: ['a', 'b'] })).toEqual([3, 4]);
    expect(claims('aaaabbbC', { living: ['a', 'b'] })).toEqual([]);
    expect(claims('aaabbbC', { living: ['a', 'b'] })).toEqual([6]);
  });

  test('whoever has two fewer than another takes one from the one that has most', () => {
    expect(claims('abbbbccc', { living: ['a', 'b', 'c'] })).toEqual([4]);
    expect(claims('aabbbccc', { living: ['a', 'b', 'c'] })).toEqual([]);
  });

  test('with one lane, who starts takes it; who lost it stands by', () => {
    expect(claims('b', { living: ['a', 'b'], isNew: true })).toEqual([0]);
    expect(claims('b', { living: ['a', 'b'] })).toEqual([]);
  });

  test('G1 whoever was away itself leaves the others the time to come back', () => {
    expect(claims('aaBBCC', { mayInherit: false })).toEqual([]);
    expect(claims('-', { mayInherit: false })).toEqual([0]);
  });

  test('however many processes share however many lanes, all come to rest with none having two more than another', () => {
    for (const count of [1, 5, 8, 16]) {
      for (const processes of [1, 2, 3, 5]) {
        const living = Array.from({ length: processes }, (_, i) => `p${i}`);
        const owners: (string | null)[] = Array.from({ length: count }, () => living[0] ?? null);
        const look = (process: string): number => {
          const all = owners.map((owner, lane) => ({ lane, owner, silence: 0 }));
          const claimed = lanesToClaim({ process, living, leases: all, isNew: false, mayInherit: true });
          for (const { lane } of claimed) owners[lane] = process;
          return claimed.length;
        };
        for (let round = 0; round < count; round++) living.forEach(look);
        expect(living.map(look)).toEqual(living.map(() => 0));
        const shares = living.map((process) => owners.filter((owner) => owner === process).length);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }
    }
  });
});
