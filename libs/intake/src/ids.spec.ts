import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Ids } from './ids.js';

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

test('an id is found by its ordinal, and an ordinal by its id, as a map of strings would', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(id, { maxLength: 60 }),
      fc.uniqueArray(fc.nat(5_000), { minLength: 60, maxLength: 60 }),
      (names, places) => {
        const ids = new Ids();
        const ordinals = new Map(names.map((name, i) => [name, places[i] ?? 0]));
        for (const [name, ordinal] of ordinals) ids.enter(ordinal, name);
        for (const [name, ordinal] of ordinals) {
          expect(ids.ordinalOf(name)).toBe(ordinal);
          expect(ids.of(ordinal)).toBe(name);
          expect(ids.ordinalOf(`${name}x`)).toBe(ordinals.get(`${name}x`));
        }
        expect(ids.count).toBe(Math.max(0, ...[...ordinals.values()].map((ordinal) => ordinal + 1)));
      },
    ),
  );
});

test('nobody has an ordinal between those that were entered, and nothing at all is there at first', () => {
  const ids = new Ids();
  expect([ids.count, ids.ordinalOf('a'), ids.of(0)]).toEqual([0, undefined, '']);
  ids.enter(2, 'a');
  expect([ids.count, ids.of(0), ids.of(2), ids.of(3), ids.ordinalOf('')]).toEqual([3, '', 'a', '', undefined]);
});

test('an id that is entered again keeps its place', () => {
  const ids = new Ids();
  ids.enter(0, 'a');
  ids.enter(1, 'b');
  ids.enter(0, 'a');
  expect([ids.count, ids.ordinalOf('a'), ids.ordinalOf('b')]).toEqual([2, 0, 1]);
});

test('of a hundred thousand each is where it was entered, and where it is unpacked, with more to come', () => {
  const [count, half] = [100_000, 50_000];
  const names = Array.from({ length: count }, (_, i) => `client-${i}`);
  const ids = new Ids();
  names.forEach((name, ordinal) => ids.enter(ordinal, name));
  const restored = new Ids();
  restored.unpack(0, half, ids.pack(0, half));
  restored.unpack(half, half, ids.pack(half, count));
  restored.enter(count + 1, 'later');
  for (const one of [ids, restored]) {
    expect(names.findIndex((name, ordinal) => one.ordinalOf(name) !== ordinal || one.of(ordinal) !== name)).toBe(-1);
  }
  expect([restored.ordinalOf('later'), restored.of(count), restored.count]).toEqual([count + 1, '', count + 2]);
});
