import { describe, expect, test } from '@jest/globals';
import { effectiveSettings, groupChain, type JsonObject, mergePatch } from './settings.js';

describe('settings', () => {
  test('merge patch follows the examples of RFC 7396, appendix A', () => {
    expect(mergePatch({ a: 'b' }, { a: 'c' })).toEqual({ a: 'c' });
    expect(mergePatch({ a: 'b', b: 'c' }, { a: null })).toEqual({ b: 'c' });
    expect(mergePatch({ a: { b: 'c' } }, { a: { b: 'd', c: null } })).toEqual({ a: { b: 'd' } });
    expect(mergePatch({ a: [{ b: 'c' }] }, { a: [1] })).toEqual({ a: [1] });
    expect(mergePatch(['a', 'b'], { a: 'b' })).toEqual({ a: 'b' });
    expect(mergePatch({}, { a: { bb: { ccc: null } } })).toEqual({ a: { bb: {} } });
    expect(mergePatch({ a: 'foo' }, null)).toBeNull();
    expect(mergePatch({ a: 'foo' }, 'bar')).toBe('bar');
  });

  test('a patch cannot reach the prototype', () => {
    const evil = JSON.parse('{"__proto__": {"polluted": true}}') as JsonObject;
    const effective = effectiveSettings([{ name: 'fleet', values: evil }]);
    for (const result of [mergePatch({}, evil), effective.values]) {
      expect(result).toEqual({});
      expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    }
    expect(effective.from).toEqual({});
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('R20: the nearer level overrides the farther, key by key, and each value tells its level', () => {
    const effective = effectiveSettings([
      { name: 'fleet', values: { scan: { schedule: 'daily', depth: 3 }, colour: 'red' } },
      { name: 'group:paris', values: { scan: { schedule: 'weekly' } } },
      { name: 'client', values: { colour: { hue: 1 } } },
    ]);
    expect(effective.values).toEqual({ scan: { schedule: 'weekly', depth: 3 }, colour: { hue: 1 } });
    expect(effective.from).toEqual({ 'scan.schedule': 'group:paris', 'scan.depth': 'fleet', 'colour.hue': 'client' });
  });

  test('R20: an object without keys, as a removed key leaves it behind, overrides nothing', () => {
    const fleet = { name: 'fleet', values: { scan: { schedule: 'daily' }, none: {} } };
    const group = { name: 'group:paris', values: { scan: {}, none: { depth: 1 } } };
    expect(effectiveSettings([fleet, group])).toEqual({
      values: { scan: { schedule: 'daily' }, none: { depth: 1 } },
      from: { 'scan.schedule': 'fleet', 'none.depth': 'group:paris' },
    });
    expect(effectiveSettings([fleet]).from).toEqual({ 'scan.schedule': 'fleet', none: 'fleet' });
  });

  test('R20: a value that replaces an object leaves nothing of where its parts came from', () => {
    const fleet = { name: 'fleet', values: { scan: { schedule: 'daily', deep: { level: 3 } }, scanner: 'on' } };
    expect(effectiveSettings([fleet, { name: 'client', values: { scan: 'off' } }])).toEqual({
      values: { scan: 'off', scanner: 'on' },
      from: { scan: 'client', scanner: 'fleet' },
    });
  });

  test('R20: levels with as many keys as they have room for are added up at once', () => {
    const count = 15_000;
    const level = (name: string) => ({
      name,
      values: Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i % 2 === 0 ? i : { on: true }])),
    });
    const began = performance.now();
    const { values, from } = effectiveSettings([level('fleet'), level('group:paris'), level('client')]);
    // Less than 1 s on a busy machine. When each key was looked for among all, a third of the keys took half a minute.
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(Object.keys(values)).toHaveLength(count);
    expect(from).toMatchObject({ k0: 'client', 'k1.on': 'client' });
    expect(Object.keys(from)).toHaveLength(count);
  });

  test('R20: groups form a tree', () => {
    expect(groupChain('paris/desktops')).toEqual(['', 'paris', 'paris/desktops']);
    expect(groupChain('')).toEqual(['']);
  });
});
