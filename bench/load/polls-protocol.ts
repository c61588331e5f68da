/** What the generator of polls is told, and what it answers. */
export type PollsJob = {
  readonly url: string;
  readonly connections: number;
  readonly prefix: string;
  readonly clients: number;
  /** Not measured, in seconds. */
  readonly warmUp: number;
  readonly seconds: number;
  /** So many a second, whether or not those before are answered; or so many under way at a time. */
  readonly offer: { readonly perSecond: number } | { readonly underWay: number };
};

export type PollsReport = {
  readonly perSecond: number;
  /** From the moment a poll was due, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Answered with an error, or not within ten seconds. */
  readonly errors: number;
  readonly firstError: string | undefined;
};
