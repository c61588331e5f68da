import { Temporal } from 'temporal-polyfill';
import { copyPolicies, type CopyPolicy } from './copies.js';
import type { JsonObject } from './settings.js';

/** The heartbeat and poll policy of a client; all durations in milliseconds. */
export type Policy = {
  readonly heartbeat: { readonly enabled: boolean; readonly scope: 'all' | 'unreachable'; readonly interval: number };
  readonly poll: { readonly enabled: boolean; readonly interval: number };
  readonly offlineAfter: number;
  /** How long a client may be offline before it is removed; null is for ever (R8). */
  readonly removeInactiveAfter: number | null;
  /** How often all direct clients are asked whether they are there (R19); only the fleet's level counts. */
  readonly verification: { readonly enabled: boolean; readonly interval: number };
  /** What becomes of a client that two machines speak as. */
  readonly copies: CopyPolicy;
};

/** What a new installation starts with (R9, R10). */
export const defaultPolicy: Policy = {
  heartbeat: { enabled: true, scope: 'unreachable', interval: 60_000 },
  poll: { enabled: true, interval: 300_000 },
  offlineAfter: 180_000,
  removeInactiveAfter: null,
  verification: { enabled: true, interval: 86_400_000 },
  copies: 'report',
};

/** The limits of every duration of the policy (R11): a second, for trials, to 129,600 minutes. */
export const policyLimits = { min: 1_000, max: 129_600 * 60_000 } as const;
/** The limits of `removeInactiveAfter` (R8): a second, for trials, to ten years. */
const removalLimits = { min: 1_000, max: 3_650 * 86_400_000 } as const;

export type PolicyProblem = { readonly field: string; readonly message: string };
export type ParsedPolicy =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problem: PolicyProblem };

/** An ISO 8601 duration in milliseconds; undefined when it is none, negative, or in calendar units of unequal length. */
export const parseDuration = (text: unknown): number | undefined => {
  if (typeof text !== 'string') return undefined;
  try {
    const duration = Temporal.Duration.from(text);
    if (duration.sign < 0) return undefined;
    const { weeks, days } = duration;
    // Throws where there are years or months left.
    const clock = duration.with({ weeks: 0, days: 0 });
    return (weeks * 7 + days) * 86_400_000 + clock.total('milliseconds');
  } catch {
    return undefined;
  }
};

/**
 * Milliseconds, not negative, as an ISO 8601 duration in its usual units: 90,000 is `PT1M30S`. Every reply to a poll has
 * four of them; by Temporal they took 37 % of a server's time under polls.
 */
export const formatDuration = (milliseconds: number): string => {
  const whole = Math.round(milliseconds);
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = (whole % 60_000) / 1000;
  const parts = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds ? `${seconds}S` : ''}`;
  return `PT${parts || '0S'}`;
};

const range = 'between PT1S and PT129600M (90 days)';

/**
 * Reads the `reachback` key of effective settings; what is not set has its default.
 *
 * Refuses what is out of range, and an `offlineAfter` not above the interval it watches (R11). Warns where polling is
 * under three times the heartbeat interval (R12).
 */
export const parsePolicy = (values: unknown): ParsedPolicy => {
  try {
    const policy = readPolicy(values);
    const watched = policy.heartbeat.enabled ? 'heartbeat' : policy.poll.enabled ? 'poll' : undefined;
    if (watched && policy.offlineAfter <= policy[watched].interval) {
      const limit = formatDuration(policy[watched].interval);
      throw new Problem('reachback.offlineAfter', `must be above the ${watched} interval (${limit}), and ${range}`);
    }
    return { ok: true, policy, warnings: warningsOf(policy) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: { field: error.field, message: error.message } };
    throw error;
  }
};

class Problem extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(`${field} ${message}`);
  }
}

const readPolicy = (values: unknown): Policy => {
  const root = section(values, 'reachback');
  const heartbeat = section(root['heartbeat'], 'reachback.heartbeat');
  const poll = section(root['poll'], 'reachback.poll');
  const verification = section(root['verification'], 'reachback.verification');
  return {
    heartbeat: {
      enabled: flag(heartbeat['enabled'], 'reachback.heartbeat.enabled', defaultPolicy.heartbeat.enabled),
      scope: scope(heartbeat['scope']),
      interval: duration(heartbeat['interval'], 'reachback.heartbeat.interval', defaultPolicy.heartbeat.interval),
    },
    poll: {
      enabled: flag(poll['enabled'], 'reachback.poll.enabled', defaultPolicy.poll.enabled),
      interval: duration(poll['interval'], 'reachback.poll.interval', defaultPolicy.poll.interval),
    },
    offlineAfter: duration(root['offlineAfter'], 'reachback.offlineAfter', defaultPolicy.offlineAfter),
    removeInactiveAfter: removal(root['removeInactiveAfter']),
    verification: {
      enabled: flag(verification['enabled'], 'reachback.verification.enabled', defaultPolicy.verification.enabled),
      interval: duration(
        verification['interval'],
        'reachback.verification.interval',
        defaultPolicy.verification.interval,
      ),
    },
    copies: copies(root['copies']),
  };
};

const section = (value: unknown, field: string): JsonObject => {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Problem(field, 'must be an object');
  return value as JsonObject;
};

const flag = (value: unknown, field: string, fallback: boolean): boolean => {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new Problem(field, 'must be true or false');
  return value;
};

const scope = (value: unknown): 'all' | 'unreachable' => {
  if (value === undefined) return defaultPolicy.heartbeat.scope;
  if (value !== 'all' && value !== 'unreachable') {
    throw new Problem('reachback.heartbeat.scope', 'must be "all" or "unreachable"');
  }
  return value;
};

const copies = (value: unknown): CopyPolicy => {
  if (value === undefined) return defaultPolicy.copies;
  const known = copyPolicies.find((policy) => policy === value);
  if (known) return known;
  throw new Problem('reachback.copies', 'must be "report", "refuse", "quarantine", "split" or "split-on-approval"');
};

const duration = (value: unknown, field: string, fallback: number): number => {
  if (value === undefined) return fallback;
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new Problem(field, `must be an ISO 8601 duration such as PT5M, ${range}`);
  if (milliseconds < policyLimits.min || milliseconds > policyLimits.max) throw new Problem(field, `must lie ${range}`);
  return milliseconds;
};

const removal = (value: unknown): number | null => {
  if (value === undefined || value === null) return null;
  const field = 'reachback.removeInactiveAfter';
  const milliseconds = parseDuration(value);
  const { min, max } = removalLimits;
  if (milliseconds === undefined || milliseconds < min || milliseconds > max) {
    throw new Problem(field, 'must be an ISO 8601 duration such as P30D, between PT1S and P3650D');
  }
  return milliseconds;
};

const warningsOf = ({ heartbeat, poll }: Policy): readonly string[] =>
  heartbeat.enabled && poll.enabled && poll.interval < 3 * heartbeat.interval
    ? [
        `reachback.poll.interval (${formatDuration(poll.interval)}) is under three times reachback.heartbeat.interval ` +
          `(${formatDuration(heartbeat.interval)}); polls already prove a client online, so beats add little.`,
      ]
    : [];

/** What a client of a network class is granted under a policy (R9, R10). */
export type Grant = { readonly heartbeat: boolean; readonly poll: boolean };

export const grantOf = (policy: Policy, network: 'direct' | 'unreachable'): Grant =>
  network === 'unreachable'
    ? { heartbeat: policy.heartbeat.enabled, poll: policy.poll.enabled }
    : { heartbeat: policy.heartbeat.enabled && policy.heartbeat.scope === 'all', poll: false };

/**
 * A client's place within an interval, in milliseconds: its ordinal by the golden ratio, which spreads any number of
 * clients evenly however many there are (G9).
 */
export const phaseOf = (ordinal: number, interval: number): number => {
  // Stryker disable next-line ArithmeticOperator: dividing by the golden ratio turns as far as multiplying by it.
  const turns = ordinal * 0.618_033_988_749_894_9;
  return Math.floor((turns % 1) * interval);
};
