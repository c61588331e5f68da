import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Connection,
  copiesAmong,
  countedBy,
  type Instances,
  isSplitting,
  judgeSighting,
  type Looks,
  type Sighting,
  type SightingVerdict,
  takeBack,
  takeOver,
  treatCopy,
} from './copies.js';

type Seen = {
  readonly instance: string;
  readonly at: number;
  readonly sentAt?: number | null;
  readonly sequence?: number;
};
/** One without a count, sent when it arrived unless it says otherwise. */
const sightingOf = ({ sentAt, sequence, ...contact }: Seen): Sighting => ({
  ...contact,
  sequence: sequence ?? null,
  sentAt: sentAt === undefined ? contact.at : sentAt,
});

/** What becomes of contacts, one after the other, until the client is known to be copied. */
const verdicts = (contacts: readonly Seen[]): readonly SightingVerdict[] => {
  let known: Instances | undefined;
  const found: SightingVerdict[] = [];
  for (const contact of contacts) {
    const seen = sightingOf(contact);
    const verdict = judgeSighting(known, seen);
    found.push(verdict);
    if (verdict === 'taken-over') known = takeOver(known, seen);
    if (verdict === 'counted' && known) known = { ...known, counted: countedBy(seen) };
    if (verdict === 'copied') break;
  }
  return found;
};
/** What becomes of contacts where copies are split off: who speaks on has his place back. */
const split = (contacts: readonly Seen[]): readonly SightingVerdict[] => {
  let known: Instances | undefined;
  return contacts.map((contact) => {
    const seen = sightingOf(contact);
    const verdict = judgeSighting(known, seen);
    if (verdict === 'taken-over') known = takeOver(known, seen);
    if (verdict === 'counted' && known) known = { ...known, counted: countedBy(seen) };
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
      { current: 'a', since: 0, sentAt: 0, past: [], copies: [], counted: null },
      sightingOf({ instance: 'b', at: 5_000 }),
    );
    expect(judgeSighting(known, sightingOf(late))).toBe('known');
  });

  test('report serves both, refuse the first alone, quarantine gives neither any work', () => {
    const treated = (policy: 'report' | 'refuse' | 'quarantine' | 'split' | 'split-on-approval') =>
      ['first', 'second', undefined].map((instance) => treatCopy(policy, 'first', instance));
    expect(treated('report')).toEqual(['serve', 'serve', 'serve']);
    expect(treated('refuse')).toEqual(['serve', 'refuse', 'refuse']);
    expect(treated('quarantine')).toEqual(['withhold', 'withhold', 'withhold']);
    expect(treatCopy('refuse', null, 'first')).toBe('withhold');
    expect(treatCopy('report', null, 'first')).toBe('serve');
    for (const policy of ['split', 'split-on-approval'] as const) {
      expect(isSplitting(policy)).toBe(true);
      expect(treated(policy)).toEqual(['serve', 'serve', 'serve']);
    }
    expect((['report', 'refuse', 'quarantine'] as const).some(isSplitting)).toBe(false);
  });
});

/** What one process sends: its requests are numbered, and each arrives after a while; by arrival. */
const arrivals = (sent: readonly { readonly sentAt: number; readonly delay: number }[]): readonly Required<Seen>[] =>
  sent
    .map(({ sentAt, delay }, i) => ({ instance: 'a', sequence: i + 1, sentAt, at: sentAt + delay }))
    .sort((one, other) => one.at - other.at);

describe('a machine that was copied while it ran', () => {
  const between = fc.integer({ min: 0, max: 300_000 });
  const late = fc.oneof(fc.constant(20), fc.integer({ min: 0, max: 9_999 }));
  const steps = (min: number) =>
    fc.array(fc.record({ pause: between, delay: late }), { minLength: min, maxLength: 100 });
  const paced = (all: readonly { readonly pause: number; readonly delay: number }[]) => {
    let sentAt = 0;
    return all.map(({ pause, delay }) => ({ sentAt: (sentAt += pause), delay }));
  };

  test('of one process alone none is, in whatever order its requests arrive, and whether it tells the time or not', () => {
    fc.assert(
      fc.property(steps(1), fc.boolean(), (all, tells) => {
        const contacts = arrivals(paced(all)).map((one) => (tells ? one : { ...one, sentAt: null }));
        expect(verdicts(contacts)).not.toContain('set-back');
      }),
    );
  });

  test('nor is it where a request is sent again, as it was or as another', () => {
    const contacts = [1, 17, 17, 17, 18, 33, 34, 34].map((sequence) => ({
      instance: 'a',
      sequence,
      sentAt: sequence * 1_000,
    }));
    const again = contacts.map((one, i) => ({ ...one, at: i * 60_000 }));
    expect(verdicts(again)).toEqual([
      ...['taken-over', 'counted', 'known', 'known', 'known', 'counted', 'known', 'known'],
    ]);
  });

  test('one of sixteen requests is noted', () => {
    const contacts = Array.from({ length: 160 }, (_, i) => ({ instance: 'a', sequence: i + 1, at: i * 60_000 }));
    const found = verdicts(contacts);
    expect(found.filter((verdict) => verdict === 'counted')).toHaveLength(9);
    expect(new Set(found.slice(1))).toEqual(new Set(['known', 'counted']));
  });

  test('two that run on from one state are found out, in whatever order, before both have sent seventeen requests', () => {
    const before = fc.integer({ min: 1, max: 60 });
    const turns = fc.array(fc.boolean(), { maxLength: 40 });
    const pace = fc.integer({ min: 1, max: 300_000 });
    fc.assert(
      fc.property(before, turns, pace, (count, order, pause) => {
        const first = Array.from({ length: count }, (_, i) => i + 1);
        const next = [count, count];
        // At the end each catches up, so that both have sent as many.
        const all = [...order, ...Array.from({ length: 34 }, (_, i) => i % 2 === 0)];
        const both = all.map((isOne) => (next[isOne ? 0 : 1] = (next[isOne ? 0 : 1] ?? 0) + 1));
        const sequences = [...first, ...both];
        const found = verdicts(sequences.map((sequence, i) => ({ instance: 'a', sequence, at: i * pause })));
        expect(found.slice(0, count)).not.toContain('set-back');
        expect(found).toContain('set-back');
      }),
    );
  });

  test('two in step are found out by their times; two with different clocks when neither can be under way any more', () => {
    const start: readonly Seen[] = [
      { instance: 'a', sequence: 1, at: 0 },
      { instance: 'a', sequence: 17, at: 60_000 },
    ];
    const next = (sequence: number, at: number, sentAt: number | null) =>
      verdicts([...start, { instance: 'a', sequence, at, sentAt }]).at(-1);
    expect(next(17, 60_001, 59_999)).toBe('set-back');
    expect(next(17, 60_001, 60_000)).toBe('known');
    expect(next(16, 60_001, 60_001)).toBe('set-back');
    expect(next(16, 69_999, 1_000)).toBe('known');
    expect(next(16, 70_000, 1_000)).toBe('set-back');
    expect(next(16, 70_000, null)).toBe('set-back');
  });

  test('who has given itself another number is told from the other like anybody', () => {
    const contacts = [1, 17].map((sequence, i) => ({ instance: 'a', sequence, at: i * 60_000 }));
    const found = split([
      ...contacts,
      { instance: 'a', sequence: 12, at: 120_000 },
      { instance: 'b', sequence: 1, at: 180_000 },
      { instance: 'a', sequence: 19, at: 240_000 },
      { instance: 'b', sequence: 2, at: 300_000 },
      { instance: 'a', sequence: 20, at: 360_000 },
    ]);
    expect(found).toEqual(['taken-over', 'counted', 'set-back', 'taken-over', 'copied', 'copy', 'known']);
  });

  test('a machine that was set back to a state of its own is none: nobody speaks as before', () => {
    const count = (instance: string, from: number, to: number, start: number): readonly Seen[] =>
      Array.from({ length: to - from + 1 }, (_, i) => ({ instance, sequence: from + i, at: start + i * 60_000 }));
    const found = verdicts([
      ...count('a', 1, 40, 0),
      ...count('a', 20, 20, 3_000_000),
      ...count('b', 1, 40, 3_060_000),
    ]);
    expect(found[40]).toBe('set-back');
    expect(found.slice(41)).not.toContain('set-back');
    expect(found).not.toContain('copied');
  });
});

describe('two connections with one credential', () => {
  const connection = (id: string, sent: number, more: Partial<Connection> = {}): Connection => ({
    ...{ id, sent, address: '192.0.2.7', start: `2026-11-22T10:00:0${id}.000Z` },
    ...more,
  });
  /** What is found at the last of several looks. */
  const lookAt = (...times: readonly (readonly Connection[])[]) => {
    let looks: Looks = new Map();
    let copies: readonly [Connection, Connection] | undefined;
    for (const now of times) ({ looks, copies } = copiesAmong(looks, now));
    return copies?.map(({ id }) => id);
  };

  test('are two machines if something was sent by both while both were open', () => {
    expect(lookAt([connection('2', 5), connection('1', 7)], [connection('2', 6), connection('1', 8)])).toEqual([
      '1',
      '2',
    ]);
    expect(lookAt([connection('1', 5), connection('2', 7)])).toBeUndefined();
  });

  test('are one where one of them was left behind, or opened or closed in between', () => {
    expect(lookAt([connection('1', 5), connection('2', 7)], [connection('1', 5), connection('2', 70)])).toBeUndefined();
    expect(lookAt([connection('1', 5)], [connection('1', 6), connection('2', 1)])).toBeUndefined();
    expect(lookAt([connection('1', 5), connection('2', 1)], [connection('1', 6)])).toBeUndefined();
  });

  test('are found out however rarely one of them sends', () => {
    const looks = [5, 5, 5, 6].map((sent, i) => [connection('1', sent), connection('2', i)]);
    expect(lookAt(...looks)).toEqual(['1', '2']);
    expect(lookAt(...looks.slice(0, -1))).toBeUndefined();
  });

  test('are shown with two addresses where there are two', () => {
    const at = (sent: number) => [
      connection('1', sent),
      connection('2', sent),
      connection('3', sent, { address: '192.0.2.8' }),
    ];
    expect(lookAt(at(1), at(2))).toEqual(['1', '3']);
  });

  test('of one machine that goes from network to network no two are ever in use at a time', () => {
    type Step = {
      readonly sends: number;
      readonly moves: boolean;
      readonly sendsAfter: number;
      readonly closed: number;
    };
    const count = fc.integer({ min: 0, max: 3 });
    const step = fc.record<Step>({ sends: count, moves: fc.boolean(), sendsAfter: count, closed: count });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let looks: Looks = new Map();
        let open = [connection('0', 0)];
        let opened = 0;
        /** It sends by the connection that it opened last. */
        const send = (sends: number) =>
          (open = open.map((one, i) => (i === open.length - 1 ? { ...one, sent: one.sent + sends } : one)));
        for (const { sends, moves, sendsAfter, closed } of steps) {
          send(sends);
          if (moves) open = [...open, connection('', 0, { id: `c${++opened}`, start: new Date(opened).toISOString() })];
          send(sendsAfter);
          // The broker finds out which are dead, sooner or later.
          open = open.slice(Math.min(closed, open.length - 1));
          const found = copiesAmong(looks, open);
          looks = found.looks;
          expect(found.copies).toBeUndefined();
        }
      }),
    );
  });
});
