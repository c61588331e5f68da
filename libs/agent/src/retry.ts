import { AgentError } from './agent-error.js';
import type { Rhythm } from './schedule.js';

/** The pause after a first failure, which doubles with each that follows, and the longest, in milliseconds. */
export const firstRetry = 1_000;
export const longestRetry = 60_000;
/** How long an answer about an identity is waited for, in milliseconds. */
export const identityTimeout = 10_000;

/** For how long to wait after a failure: as long as the server asked for, else the pause. In milliseconds. */
export const waitAfter = (error: unknown, pause: number): number =>
  error instanceof AgentError && error.retryAfterSeconds ? error.retryAfterSeconds * 1_000 : pause;

/** The pause after the next failure, in milliseconds: never longer than the poll interval, which a server that was away allows for. */
export const longerPause = (pause: number, { poll }: Rhythm): number =>
  Math.max(Math.min(pause * 2, poll ?? longestRetry, longestRetry), firstRetry);

/**
 * For how long to wait at most, whatever the server asks for, in milliseconds. Who beats is known to be there meanwhile; of who
 * only polls the server hears nothing else, and it may ask without knowing how soon it takes this client's silence for its end (G1).
 */
export const longestWait = ({ heartbeat, poll }: Rhythm): number =>
  heartbeat === undefined && poll !== undefined ? Math.max(poll, firstRetry) : Infinity;
