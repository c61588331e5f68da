import type { Reach } from '../load/reach.js';

/** What the process that plays connected agents is told, and what it answers. */
export type AgentsOrder =
  /** Connects them one after the other; each speaks for itself alone, and `credentials` has its own. */
  | {
      readonly type: 'connect';
      readonly broker: Omit<Reach, 'credentials'>;
      readonly prefix: string;
      readonly count: number;
      /** None where the broker asks nobody who he is. */
      readonly credentials: readonly string[];
    }
  /** So many beats a second of all of them in turn, until told otherwise. */
  | { readonly type: 'rate'; readonly perSecond: number }
  | { readonly type: 'poll'; readonly seconds: number; readonly offer: AgentsOffer }
  | { readonly type: 'report' };

/** So many polls a second, whether or not those before are answered; or so many under way at a time. */
export type AgentsOffer = { readonly perSecond: number } | { readonly underWay: number };

export type AgentsReport = {
  /** Beats written so far. */
  readonly sent: number;
  /** Of what was done last: how long each took, in milliseconds: being let in, or being answered since it was due. */
  readonly took: readonly number[];
  /** Polls of the last that were told to ask again later. */
  readonly refused: number;
  /** What an agent was refused for good. */
  readonly errors: readonly string[];
};
