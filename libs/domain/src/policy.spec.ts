import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { defaultPolicy, formatDuration, grantOf, parseDuration, parsePolicy, phaseOf, policyLimits } from './policy.js';

const problemOf = (values: unknown) => {
  const parsed = parsePolicy(values);
  return parsed.ok ? undefined : parsed.problem;
};

describe('policy', () => {
  test('R9, R10: what is not set has its default', () => {
    expect(parsePolicy(undefined)).toEqual({ ok: true, policy: defaultPolicy, warnings: [] });
  });

  test('R9: by default only unreachable clients beat; with scope "all" direct ones too', () => {
    expect(grantOf(defaultPolicy, 'unreachable')).toEqual({ heartbeat: true, poll: true });
    expect(grantOf(defaultPolicy, 'direct').heartbeat).toBe(false);
    const all = { ...defaultPolicy, heartbeat: { ...defaultPolicy.heartbeat, scope: 'all' as const } };
    expect(grantOf(all, 'direct').heartbeat).toBe(true);
  });

  test('R8: removal of inactive clients is off unless set, from a second to ten years', () => {
    const removal = (removeInactiveAfter: unknown) => parsePolicy({ removeInactiveAfter });
    expect(removal(null)).toMatchObject({ ok: true, policy: { removeInactiveAfter: null } });
    expect(removal('P30D')).toMatchObject({ ok: true, policy: { removeInactiveAfter: 30 * 86_400_000 } });
    for (const wrong of ['PT0.5S', 'P3651D', 'P1M', 30, 'soon']) {
      expect(problemOf({ removeInactiveAfter: wrong })?.field).toBe('reachback.removeInactiveAfter');
    }
  });

  test('R11: durations lie between PT1S and 129,600 minutes, and the message names the field and the limits', () => {
    expect(problemOf({ heartbeat: { interval: 'PT1S' } })).toBeUndefined();
    expect(problemOf({ offlineAfter: 'PT129600M' })).toBeUndefined();
    for (const interval of ['PT0.5S', 'PT129601M', 'PT0S']) {
      const problem = problemOf({ poll: { interval } });
      expect(problem?.field).toBe('reachback.poll.interval');
      expect(problem?.message).toContain('PT1S');
      expect(problem?.message).toContain('PT129600M');
    }
  });

  test.each([['5 minutes'], [''], [60], [null], ['-PT5M'], ['P1Y'], [{}]])('R11: %p is no duration', (interval) => {
    expect(problemOf({ heartbeat: { interval } })?.field).toBe('reachback.heartbeat.interval');
  });

  test('R11: offlineAfter must be above the heartbeat interval, or the poll interval where heartbeat is off', () => {
    expect(problemOf({ heartbeat: { interval: 'PT3M' }, offlineAfter: 'PT3M' })?.field).toBe('reachback.offlineAfter');
    const pollOnly = { heartbeat: { enabled: false }, poll: { interval: 'PT5M' } };
    expect(problemOf({ ...pollOnly, offlineAfter: 'PT4M' })?.field).toBe('reachback.offlineAfter');
    expect(problemOf({ ...pollOnly, offlineAfter: 'PT6M' })).toBeUndefined();
  });

  test('R19: direct clients are verified daily unless told otherwise, within the same limits', () => {
    expect(defaultPolicy.verification).toEqual({ enabled: true, interval: 86_400_000 });
    const parsed = parsePolicy({ verification: { enabled: false, interval: 'PT12H' } });
    expect(parsed.ok && parsed.policy.verification).toEqual({ enabled: false, interval: 43_200_000 });
    expect(problemOf({ verification: { interval: 'PT0.5S' } })?.field).toBe('reachback.verification.interval');
    expect(problemOf({ verification: { enabled: 'yes' } })?.field).toBe('reachback.verification.enabled');
  });

  test('R12: polling under three times the heartbeat interval is accepted with a warning', () => {
    const parsed = parsePolicy({ poll: { interval: 'PT2M' } });
    expect(parsed.ok && parsed.warnings).toHaveLength(1);
  });

  test('durations survive being written and read', () => {
    fc.assert(
      fc.property(fc.integer({ min: policyLimits.min, max: policyLimits.max }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
        const byTemporal = Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hour' }).toString();
        expect(formatDuration(milliseconds)).toBe(byTemporal);
      }),
    );
    expect(formatDuration(90_000)).toBe('PT1M30S');
    expect(parseDuration('P1DT1H')).toBe(90_000_000);
  });

  test('G9: the phases of any number of clients are spread evenly over the interval', () => {
    for (const count of [10, 1_000, 10_000]) {
      const tenths = new Array<number>(10).fill(0);
      for (let ordinal = 0; ordinal < count; ordinal++) {
        const tenth = Math.floor(phaseOf(ordinal, 60_000) / 6_000);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      expect(Math.max(...tenths) - Math.min(...tenths)).toBeLessThanOrEqual(3);
    }
  });
});
