import type { Reach } from '../load/reach.js';

/** What the process that plays the agents is told, and what it answers. */
export type AgentsJob = {
  readonly broker: Reach;
  readonly connections: number;
  readonly prefix: string;
  readonly clients: number;
};

export type AgentsOrder =
  | { readonly type: 'job'; readonly job: AgentsJob }
  | { readonly type: 'rate'; readonly perSecond: number }
  | { readonly type: 'report' }
  /** Writes the state of every agent, in the order of their numbers, into a file as JSON. */
  | { readonly type: 'save'; readonly file: string };

export type AgentsReport = {
  /** Polls that were begun, answered, and acknowledgements that were answered. */
  readonly polls: number;
  readonly answered: number;
  readonly acknowledged: number;
  /** Requests sent again: refused, or without an answer. */
  readonly repeated: number;
  /** Requests that wait for an answer, or to be sent again. */
  readonly open: number;
  /** Of polls answered since the last report, in milliseconds from when each was due. */
  readonly latencies: readonly number[];
  /** Answers that no agent should get. */
  readonly errors: readonly string[];
};
