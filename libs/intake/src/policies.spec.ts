import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '#contracts';
import { defaultPolicy } from '#domain';
import { Policies } from './policies.js';

const minutes = (policies: Policies, client: string, group: string) => policies.of(client, group).offlineAfter / 60_000;
const offlineAfter = (text: string): JsonObject => ({ reachback: { offlineAfter: text } });
const fleet = { scope: 'fleet' } as const;
const group = (path: string) => ({ scope: 'group', path }) as const;
const client = (id: string) => ({ scope: 'client', id }) as const;

describe('policies', () => {
  test('R9, R10: without a level that sets something the defaults hold', () => {
    expect(new Policies().of('a', 'paris')).toEqual(defaultPolicy);
  });

  test('R20: the nearest level that sets something holds, from the moment on when it does', () => {
    const policies = new Policies();
    const seen = () => [
      minutes(policies, 'b', 'lyon'),
      minutes(policies, 'b', 'paris'),
      minutes(policies, 'b', 'paris/desktops'),
      minutes(policies, 'a', 'paris/desktops'),
    ];
    expect(seen()).toEqual([3, 3, 3, 3]);
    policies.set(fleet, offlineAfter('PT4M'));
    expect(seen()).toEqual([4, 4, 4, 4]);
    policies.set(group('paris'), offlineAfter('PT5M'));
    expect(seen()).toEqual([4, 5, 5, 5]);
    policies.set(group('paris/desktops'), offlineAfter('PT6M'));
    expect(seen()).toEqual([4, 5, 6, 6]);
    policies.set(client('a'), offlineAfter('PT7M'));
    expect(seen()).toEqual([4, 5, 6, 7]);
    policies.set(client('a'), {});
    policies.set(group('paris'), {});
    expect(seen()).toEqual([4, 4, 6, 6]);
  });

  test('R20: a client overrides key by key', () => {
    const policies = new Policies();
    policies.set(fleet, { reachback: { heartbeat: { interval: 'PT2M' }, offlineAfter: 'PT9M' } });
    policies.set(client('a'), { reachback: { heartbeat: { scope: 'all' } } });
    expect(policies.of('a', '').heartbeat).toEqual({ enabled: true, scope: 'all', interval: 120_000 });
    expect(policies.of('b', '').heartbeat.scope).toBe('unreachable');
    expect(policies.of('a', '').offlineAfter).toBe(540_000);
  });

  test('R20: what a group and those below it set goes with it; others keep theirs', () => {
    const policies = new Policies();
    for (const path of ['paris', 'paris/desktops', 'parish']) policies.set(group(path), offlineAfter('PT9M'));
    expect(minutes(policies, 'a', 'paris/desktops')).toBe(9);
    policies.removeGroup('paris');
    expect(['paris', 'paris/desktops', 'parish'].map((path) => minutes(policies, 'a', path))).toEqual([3, 3, 9]);
  });

  test('a policy is computed once for a group', () => {
    const policies = new Policies();
    expect(policies.of('a', 'paris')).toBe(policies.of('b', 'paris'));
  });

  test('come back from what a snapshot keeps of them', () => {
    const policies = new Policies();
    policies.set(fleet, { ...offlineAfter('PT4M'), scan: 'daily' });
    policies.set(group('paris'), offlineAfter('PT5M'));
    policies.set(client('a'), offlineAfter('PT7M'));
    const levels = policies.levels();
    expect(levels.fleet).toEqual(offlineAfter('PT4M'));
    const restored = new Policies(levels);
    expect(['lyon', 'paris'].map((path) => minutes(restored, 'b', path))).toEqual([4, 5]);
    expect(minutes(restored, 'a', 'paris')).toBe(7);
    expect(restored.levels()).toEqual(levels);
  });

  test.each([[null], ['off'], [['PT5M']], [undefined]])('a level whose policy is %j sets nothing', (reachback) => {
    const policies = new Policies();
    policies.set(fleet, offlineAfter('PT5M'));
    policies.set(fleet, { reachback });
    expect(policies.levels().fleet).toEqual({});
    expect(minutes(policies, 'a', '')).toBe(3);
  });

  test('R11: levels that add up to what is refused count as not set', () => {
    const policies = new Policies();
    policies.set(fleet, { reachback: { heartbeat: { interval: 'PT2M' } } });
    policies.set(client('a'), offlineAfter('PT1M'));
    expect(policies.of('a', '')).toEqual(defaultPolicy);
  });
});
