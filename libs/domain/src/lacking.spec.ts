import { describe, expect, test } from '@jest/globals';
import { expectedAt, lackReasonOf, type Standing } from './lacking.js';
import { defaultPolicy } from './policy.js';

const now = new Date('2026-11-24T10:00:00Z');
const after = (milliseconds: number) => new Date(now.getTime() + milliseconds);
const pending: Standing = { state: 'pending', isOnline: true, isPaused: false, admittedAt: null };

describe('G10: why a client lacks a release', () => {
  const why = (standing: Partial<Standing>) => lackReasonOf({ ...pending, ...standing }, now);

  test('it is asleep, or gets it at its next contact', () => {
    expect(why({})).toBe('waiting');
    expect(why({ isOnline: false })).toBe('asleep');
  });

  test('it failed last time, is too late, or has it and has not said so yet', () => {
    expect(why({ state: 'failed' })).toBe('failing');
    expect(why({ state: 'failed', isOnline: false })).toBe('failing');
    expect(why({ state: 'expired' })).toBe('expired');
    expect(why({ state: 'delivered', isPaused: true })).toBe('installing');
  });

  test('the release is paused, or it is not its turn yet', () => {
    expect(why({ isPaused: true, admittedAt: after(1) })).toBe('paused');
    expect(why({ admittedAt: after(1), isOnline: false })).toBe('not-yet-admitted');
    expect(why({ admittedAt: after(0) })).toBe('waiting');
  });

  test('who is done with it lacks nothing', () => {
    for (const state of ['acknowledged', 'superseded', 'withdrawn'] as const) expect(why({ state })).toBeNull();
  });
});

describe('G10: when a client may have a release', () => {
  const policy = { ...defaultPolicy, poll: { enabled: true, interval: 60_000 } };
  const when = (standing: Partial<Standing>, context: object = {}) =>
    expectedAt({ ...pending, ...standing }, { policy, network: 'unreachable', now, ...context });

  test('an interval from now, or from its turn in the rollout', () => {
    expect(when({})).toEqual(after(60_000));
    expect(when({ admittedAt: after(5_000) })).toEqual(after(65_000));
    expect(when({ state: 'failed', admittedAt: after(-5_000) })).toEqual(after(60_000));
  });

  test('who has got it says what became of it at its next poll, a pause of the release or not', () => {
    expect(when({ state: 'delivered' })).toEqual(after(60_000));
    expect(when({ state: 'delivered', isPaused: true })).toEqual(after(60_000));
    expect(when({ state: 'failed', isPaused: true })).toBeNull();
  });

  test('a direct client is told, and comes at once', () => {
    expect(when({}, { network: 'direct' })).toEqual(now);
    expect(when({ admittedAt: after(5_000) }, { network: 'direct' })).toEqual(after(5_000));
  });

  test('nobody can know while it is asleep, may not poll, or the release is paused', () => {
    expect(when({ isOnline: false })).toBeNull();
    expect(when({ isPaused: true })).toBeNull();
    expect(when({}, { policy: { ...policy, poll: { enabled: false, interval: 60_000 } } })).toBeNull();
  });

  test('who is done with it expects nothing', () => {
    for (const state of ['acknowledged', 'expired', 'superseded', 'withdrawn'] as const) {
      expect(when({ state })).toBeNull();
    }
  });
});
