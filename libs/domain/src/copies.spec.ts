import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Instances,
  isSplitting,
  judgeSighting,
  type SightingVerdict,
  takeBack,
  takeOver,
  treatCopy,
} from './copies.js';

type Seen = { readonly instance: string; readonly at: number; readonly sentAt?: number | null };

/** What becomes of contacts, one after the other, until the client is known to be copied. */
const verdicts = (contacts: readonly Seen[]): readonly SightingVerdict[] => {
  let known: Instances | undefined;
  const found: SightingVerdict[] = [];
  for (const { sentAt, ...contact } of contacts) {
    const seen = { ...contact, sentAt: sentAt === undefined ? contact.at : sentAt };
    const verdict = judgeSighting(known, seen);
    found.push(verdict);
    if (verdict === 'taken-over') known = takeOver(known, seen);
    if (verdict === 'copied') break;
  }
  return found;
};
/** What becomes of contacts where copies are split off: who speaks on has his place back. */
const split = (contacts: readonly Seen[]): readonly SightingVerdict[] => {
  let known: Instances | undefined;
  return contacts.map((contact) => {
    const seen = { ...contact, sentAt: contact.at };
    const verdict = judgeSighting(known, seen);
    if (verdict === 'taken-over') known = takeOver(known, seen);
    if (verdict === 'copied' && known) known = takeBack(known, seen);
    return verdict;
  });
};
const inTurn = (...instances: readonly string[]): readonly Seen[] =>
  instances.map((instance, i) => ({ instance, at: i * 1_000 }));

describe('two machines with one identity', () => {
  test('one that speaks on after another took over is a copy', () => {
    expect(verdicts(inTurn('a', 'a', 'b', 'a'))).toEqual(['taken-over', 'known', 'taken-over', 'copied']);
  });

  test('a machine copied to many is found out when any of them is heard again', () => {
    expect(verdicts(inTurn('a', 'b', 'c', 'd', 'b')).at(-1)).toBe('copied');
  });

  test('however often an agent starts anew, it is no copy', () => {
    const restarts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 50 });
    fc.assert(
      fc.property(restarts, (contacts) => {
        const spoken = contacts.flatMap((count, start) => Array.from({ length: count }, () => `start-${start}`));
        expect(verdicts(inTurn(...spoken))).not.toContain('copied');
      }),
    );
  });

  test('wherever two take turns, they are found out by the third turn', () => {
    const turns = fc.array(fc.constantFrom('a', 'b'), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(turns, (spoken) => {
        const changes = spoken.filter((instance, i) => i > 0 && instance !== spoken[i - 1]).length;
        expect(verdicts(inTurn(...spoken)).includes('copied')).toBe(changes >= 2);
      }),
    );
  });

  test('a request of the process before that was still under way is not taken for another machine', () => {
    const start: readonly Seen[] = [
      { instance: 'a', at: 0 },
      { instance: 'b', at: 5_000, sentAt: 5_000 },
    ];
    expect(verdicts([...start, { instance: 'a', at: 5_100, sentAt: 4_900 }]).at(-1)).toBe('known');
    expect(verdicts([...start, { instance: 'a', at: 5_100, sentAt: null }]).at(-1)).toBe('known');
    expect(verdicts([...start, { instance: 'a', at: 5_100, sentAt: 5_050 }]).at(-1)).toBe('copied');
  });

  test('a wrong clock hides nothing for longer than a request can be under way', () => {
    const start: readonly Seen[] = [
      { instance: 'a', at: 0, sentAt: -3_600_000 },
      { instance: 'b', at: 5_000 },
    ];
    expect(verdicts([...start, { instance: 'a', at: 14_999, sentAt: -3_500_000 }]).at(-1)).toBe('known');
    expect(verdicts([...start, { instance: 'a', at: 15_000, sentAt: -3_500_000 }]).at(-1)).toBe('copied');
  });

  test('the earliest are forgotten: the sixteenth of a machine that restarts, the thousandth of many that start together', () => {
    const starts = (count: number, apart: number) =>
      Array.from({ length: count }, (_, i) => ({ instance: `start-${i}`, at: i * apart }));
    const heard = (many: readonly Seen[], instance: string) => verdicts([...many, { instance, at: 1e12 }]).at(-1);
    expect(heard(starts(18, 3_600_000), 'start-0')).toBe('taken-over');
    expect(heard(starts(18, 3_600_000), 'start-1')).toBe('copied');
    expect(heard(starts(1_002, 3_599_999), 'start-0')).toBe('taken-over');
    expect(heard(starts(1_002, 3_599_999), 'start-1')).toBe('copied');
  });

  test('who came later is known one by one where copies are split off, and who was there first is none of them', () => {
    expect(split(inTurn('a', 'b', 'c', 'a', 'a', 'b', 'c', 'd', 'a', 'd'))).toEqual([
      ...['taken-over', 'taken-over', 'taken-over', 'copied', 'known'],
      ...['copy', 'copy', 'taken-over', 'copied', 'copy'],
    ]);
  });

  test('however many copies speak in whatever order, the first is served, and whoever it was heard after is a copy', () => {
    const turns = fc.array(fc.constantFrom('b', 'c', 'd', 'first'), { maxLength: 60 });
    fc.assert(
      fc.property(turns, (spoken) => {
        const order = ['first', ...spoken];
        const found = split(inTurn(...order));
        const last = order.lastIndexOf('first');
        order.forEach((instance, i) => {
          if (instance === 'first') expect(found[i]).not.toBe('copy');
          else if (i > last && order.indexOf(instance) < last) expect(found[i]).toBe('copy');
        });
      }),
    );
  });

  test('a restart of the first while its copy is not heard is no copy', () => {
    expect(split(inTurn('a', 'b', 'a', 'a2', 'a2', 'b'))).toEqual([
      ...['taken-over', 'taken-over', 'copied', 'taken-over', 'known', 'copy'],
    ]);
  });

  test('late requests of the process before have nobody split off', () => {
    const late = { instance: 'a', at: 5_100, sentAt: 4_900 };
    const known = takeOver(
      { current: 'a', since: 0, sentAt: 0, past: [], copies: [] },
      { instance: 'b', at: 5_000, sentAt: 5_000 },
    );
    expect(judgeSighting(known, late)).toBe('known');
  });

  test('report serves both, refuse the first alone, quarantine gives neither any work', () => {
    const treated = (policy: 'report' | 'refuse' | 'quarantine' | 'split' | 'split-on-approval') =>
      ['first', 'second', undefined].map((instance) => treatCopy(policy, 'first', instance));
    expect(treated('report')).toEqual(['serve', 'serve', 'serve']);
    expect(treated('refuse')).toEqual(['serve', 'refuse', 'refuse']);
    expect(treated('quarantine')).toEqual(['withhold', 'withhold', 'withhold']);
    for (const policy of ['split', 'split-on-approval'] as const) {
      expect(isSplitting(policy)).toBe(true);
      expect(treated(policy)).toEqual(['serve', 'serve', 'serve']);
    }
    expect((['report', 'refuse', 'quarantine'] as const).some(isSplitting)).toBe(false);
  });
});
