import { parseDuration } from '#domain';
import type { GrantedPolicy } from '#contracts';

/** A granted policy in milliseconds; an interval that is not granted is undefined. */
export type Rhythm = {
  readonly heartbeat: number | undefined;
  readonly poll: number | undefined;
  /** The client's place within an interval, from 0 to 1 (G9). */
  readonly place: number;
};

export const rhythmOf = ({ heartbeat, poll, phase }: GrantedPolicy): Rhythm => {
  const beats = parseDuration(heartbeat.interval) ?? 60_000;
  const polls = parseDuration(poll.interval) ?? 300_000;
  const base = heartbeat.enabled ? beats : polls;
  return {
    heartbeat: heartbeat.enabled ? beats : undefined,
    poll: poll.enabled ? polls : undefined,
    place: Math.min((parseDuration(phase) ?? 0) / base, 1),
  };
};

/**
 * The next time after `now` that is this client's own place within the interval. Places are fixed points of the
 * server's time, so agents that start together do not speak together, at no interval ever (G9).
 */
export const nextTime = (now: number, interval: number, place: number): number => {
  const offset = place * interval;
  const next = Math.floor((now - offset) / interval) * interval + interval + offset;
  return next > now ? next : next + interval;
};

const longestTimeout = 10_000;
const shortestTimeout = 2_000;

/**
 * How long to wait for an answer, in milliseconds: one that a dying server took with it must not cost a client that
 * polls often more than its next poll.
 */
export const requestTimeoutOf = ({ poll }: Pick<Rhythm, 'poll'>): number =>
  Math.max(Math.min(poll ?? longestTimeout, longestTimeout), shortestTimeout);
