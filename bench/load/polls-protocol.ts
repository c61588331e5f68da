import type { Reach } from './reach.js';

/** What the generator of requests is told, and what it answers. */
export type PollsJob = {
  readonly broker: Reach;
  readonly connections: number;
  readonly prefix: string;
  readonly clients: number;
  readonly kind: 'poll' | 'register' | 'start';
  readonly payload: string;
  /** Not measured, in seconds. */
  readonly warmUp: number;
  /** How long answers are waited for at the end, in seconds. */
  readonly patience: number;
  readonly seconds: number;
  /** So many a second, whether or not those before are answered; or so many under way at a time. */
  readonly offer: { readonly perSecond: number } | { readonly underWay: number };
  /** Whether what is refused for the moment is asked again when the server says, as agents do. */
  readonly retries?: boolean;
};

export type PollsReport = {
  readonly perSecond: number;
  /** From the moment a poll was due, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** From the first request to the last answer, in milliseconds. */
  readonly lasted: number;
  /** Told to ask again later, and did. */
  readonly refused: number;
  /** Answered with an error, or not in time. */
  readonly errors: number;
  readonly firstError: string | undefined;
};
