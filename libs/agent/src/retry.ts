import { AgentError } from './agent-error.js';

/** The pause after a first failure, which doubles with each that follows, and the longest, in milliseconds. */
export const firstRetry = 1_000;
export const longestRetry = 60_000;
/** How long an answer about an identity is waited for, in milliseconds. */
export const identityTimeout = 10_000;

/** For how long to wait after a failure: as long as the server asked for, else the pause. In milliseconds. */
export const waitAfter = (error: unknown, pause: number): number =>
  error instanceof AgentError && error.retryAfterSeconds ? error.retryAfterSeconds * 1_000 : pause;
