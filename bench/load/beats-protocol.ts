import type { Reach } from './reach.js';

/** What the generator of beats is told, and what it answers. */
export type BeatsJob = {
  readonly broker: Reach;
  readonly connections: number;
  /** The clients are `<prefix>-<first>` and the `count - 1` after it. */
  readonly prefix: string;
  readonly first: number;
  readonly count: number;
  /** How often each client speaks; 0 for ever. */
  readonly rounds: number;
};

export type BeatsOrder =
  | { readonly type: 'job'; readonly job: BeatsJob }
  | { readonly type: 'rate'; readonly perSecond: number }
  | { readonly type: 'report' };

export type BeatsReport = {
  /** Beats written. */
  readonly sent: number;
  /** Beats the broker has stored for certain. */
  readonly stored: number;
  /** Beats not sent when they were due, since the broker had not caught up. */
  readonly held: number;
  /** What the broker complained about. */
  readonly errors: readonly string[];
};
