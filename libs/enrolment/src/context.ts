import type { FactMeta, Lanes, NewFact } from '#contracts';
import { appendFacts, type Database, type Transaction } from '#event-log';
import type { Authority } from '#identity';
import { inlineProjections } from '#projections';
import type { Revocations } from './credentials/keep-revocations.js';

/** What enrolment works with; there is none where the broker lets everybody in. */
export type EnrolmentContext = {
  readonly db: Database;
  readonly lanes: Lanes;
  readonly authority: Authority;
  /** For how long a credential is valid, in milliseconds. */
  readonly lifetime: number;
  readonly revocations: Pick<Revocations, 'push'>;
};

type FactWithoutMeta = NewFact extends infer F ? (F extends NewFact ? Omit<F, 'meta'> : never) : never;

/** Appends one fact in the transaction it belongs to. */
export type Append = (fact: FactWithoutMeta) => Promise<unknown>;

export const appender =
  (tx: Transaction, lanes: Lanes, meta: FactMeta): Append =>
  (fact) =>
    appendFacts(tx, lanes.of, [{ ...fact, meta }], inlineProjections);
