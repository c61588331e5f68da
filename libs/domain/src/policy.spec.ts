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
    const published = {
      heartbeat: { enabled: true, scope: 'unreachable', interval: 'PT1M' },
      poll: { enabled: true, interval: 'PT5M' },
      offlineAfter: 'PT3M',
    };
    expect(parsePolicy(published)).toEqual({ ok: true, policy: defaultPolicy, warnings: [] });
  });

  test('R9, R10: what is set is read', () => {
    const parsed = parsePolicy({
      heartbeat: { enabled: false, scope: 'all', interval: 'PT2M' },
      poll: { enabled: false, interval: 'PT7M' },
      offlineAfter: 'PT9M',
    });
    expect(parsed).toMatchObject({
      ok: true,
      policy: {
        heartbeat: { enabled: false, scope: 'all', interval: 120_000 },
        poll: { enabled: false, interval: 420_000 },
        offlineAfter: 540_000,
      },
    });
  });

  test('R9: by default only unreachable clients beat; with scope "all" direct ones too', () => {
    expect(grantOf(defaultPolicy, 'unreachable')).toEqual({ heartbeat: true, poll: true });
    expect(grantOf(defaultPolicy, 'direct')).toEqual({ heartbeat: false, poll: false });
    const all = { ...defaultPolicy, heartbeat: { ...defaultPolicy.heartbeat, scope: 'all' as const } };
    expect(grantOf(all, 'direct')).toEqual({ heartbeat: true, poll: false });
    const off = { ...all, heartbeat: { ...all.heartbeat, enabled: false } };
    expect(grantOf(off, 'direct').heartbeat).toBe(false);
  });

  test('R8: removal of inactive clients is off unless set, from a second to ten years', () => {
    const removal = (removeInactiveAfter: unknown) => parsePolicy({ removeInactiveAfter });
    expect(removal(null)).toMatchObject({ ok: true, policy: { removeInactiveAfter: null } });
    expect(removal('P30D')).toMatchObject({ ok: true, policy: { removeInactiveAfter: 30 * 86_400_000 } });
    expect(removal('P3650D')).toMatchObject({ ok: true });
    expect(removal('PT1S')).toMatchObject({ ok: true });
    for (const wrong of ['PT0.5S', 'P3651D', 'P1M', 30, 'soon']) {
      expect(problemOf({ removeInactiveAfter: wrong })?.field).toBe('reachback.removeInactiveAfter');
    }
  });

  test('copies are reported unless they are to be refused, kept from work or split off', () => {
    for (const copies of ['report', 'refuse', 'quarantine', 'split', 'split-on-approval']) {
      expect(parsePolicy({ copies })).toMatchObject({ ok: true, policy: { copies } });
    }
    expect(problemOf({ copies: 'divide' })).toEqual({
      field: 'reachback.copies',
      message: 'reachback.copies must be "report", "refuse", "quarantine", "split" or "split-on-approval"',
    });
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

  test.each([['5 minutes'], [''], [60], [null], ['-PT5M'], ['P1Y'], ['P1M'], [{}], [{ hours: 1 }]])(
    'R11: %p is no duration',
    (interval) => {
      expect(parseDuration(interval)).toBeUndefined();
      expect(problemOf({ heartbeat: { interval } })?.field).toBe('reachback.heartbeat.interval');
    },
  );

  const durationWanted = /such as PT5M, between PT1S and PT129600M/;
  test.each([
    ['on', 'reachback', 'must be an object'],
    [{ heartbeat: null }, 'reachback.heartbeat', 'must be an object'],
    [{ poll: [] }, 'reachback.poll', 'must be an object'],
    [{ verification: 1 }, 'reachback.verification', 'must be an object'],
    [{ heartbeat: { enabled: 1 } }, 'reachback.heartbeat.enabled', 'must be true or false'],
    [{ poll: { enabled: 'no' } }, 'reachback.poll.enabled', 'must be true or false'],
    [{ heartbeat: { scope: 'direct' } }, 'reachback.heartbeat.scope', 'must be "all" or "unreachable"'],
    [{ heartbeat: { interval: 5 } }, 'reachback.heartbeat.interval', durationWanted],
    [{ offlineAfter: 'soon' }, 'reachback.offlineAfter', durationWanted],
    [{ removeInactiveAfter: 30 }, 'reachback.removeInactiveAfter', /such as P30D, between PT1S and P3650D/],
    [{ offlineAfter: 'PT30S' }, 'reachback.offlineAfter', /above the heartbeat interval \(PT1M\), and between PT1S/],
  ])('R11: %j is refused: %s %s', (values, field, reason) => {
    const problem = problemOf(values);
    expect(problem?.field).toBe(field);
    expect(problem?.message).toMatch(reason);
    expect(problem?.message).toContain(`${field} must be`);
  });

  test('R11: only what is wrong with the policy is said to be', () => {
    const values = {
      get poll(): never {
        throw new Error('another error');
      },
    };
    expect(() => parsePolicy(values)).toThrow('another error');
  });

  test('R11: offlineAfter must be above the heartbeat interval, or the poll interval where heartbeat is off', () => {
    expect(problemOf({ heartbeat: { interval: 'PT3M' }, offlineAfter: 'PT3M' })?.field).toBe('reachback.offlineAfter');
    const pollOnly = { heartbeat: { enabled: false }, poll: { interval: 'PT5M' } };
    expect(problemOf({ ...pollOnly, offlineAfter: 'PT4M' })?.field).toBe('reachback.offlineAfter');
    expect(problemOf({ ...pollOnly, offlineAfter: 'PT6M' })).toBeUndefined();
    const neither = { heartbeat: { enabled: false }, poll: { enabled: false } };
    expect(problemOf({ ...neither, offlineAfter: 'PT1S' })).toBeUndefined();
  });

  test('R19: direct clients are verified daily unless told otherwise, within the same limits', () => {
    expect(defaultPolicy.verification).toEqual({ enabled: true, interval: 86_400_000 });
    const parsed = parsePolicy({ verification: { enabled: false, interval: 'PT12H' } });
    expect(parsed.ok && parsed.policy.verification).toEqual({ enabled: false, interval: 43_200_000 });
    expect(problemOf({ verification: { interval: 'PT0.5S' } })?.field).toBe('reachback.verification.interval');
    expect(problemOf({ verification: { enabled: 'yes' } })?.field).toBe('reachback.verification.enabled');
  });

  test('R12: polling under three times the heartbeat interval is accepted with a warning', () => {
    const warnings = (values: unknown) => {
      const parsed = parsePolicy(values);
      return parsed.ok ? parsed.warnings : undefined;
    };
    expect(warnings({ poll: { interval: 'PT2M' } })).toEqual([
      'reachback.poll.interval (PT2M) is under three times reachback.heartbeat.interval (PT1M); ' +
        'polls already prove a client online, so beats add little.',
    ]);
    expect(warnings({ poll: { interval: 'PT3M' } })).toHaveLength(0);
    expect(warnings({ poll: { interval: 'PT2M' }, heartbeat: { enabled: false } })).toHaveLength(0);
    expect(warnings({ poll: { interval: 'PT2M', enabled: false } })).toHaveLength(0);
  });

  test.each([
    [0, 'PT0S'],
    [1_500.4, 'PT1.5S'],
    [60_000, 'PT1M'],
    [90_000, 'PT1M30S'],
    [3_600_000, 'PT1H'],
    [86_400_000, 'PT24H'],
    [90_061_000, 'PT25H1M1S'],
  ])('%d ms are written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test.each([
    ['PT0S', 0],
    ['P1DT1H', 90_000_000],
    ['P2W', 14 * 86_400_000],
    ['P1W1D', 8 * 86_400_000],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test('durations survive being written and read', () => {
    fc.assert(
      fc.property(fc.integer({ min: policyLimits.min, max: policyLimits.max }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
        const byTemporal = Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hour' }).toString();
        expect(formatDuration(milliseconds)).toBe(byTemporal);
      }),
    );
  });

  test('G9: the phases of any number of clients are spread evenly over the interval', () => {
    for (const count of [10, 1_000, 10_000]) {
      const tenths = new Array<number>(10).fill(0);
      for (let ordinal = 0; ordinal < count; ordinal++) {
        const tenth = Math.floor(phaseOf(ordinal, 60_000) / 6_000);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      for (const clients of tenths) expect(Math.abs(clients - count / 10)).toBeLessThanOrEqual(2);
    }
  });
});
