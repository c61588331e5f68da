import type { Lanes, NewFact } from '#contracts';
import { appendFacts, type Database, isChanged, lockUnchanged, transact } from '#event-log';
import { inlineProjections } from '#projections';

/**
 * So many times a batch is composed without the log's lock before it is read under it. Of all changes one every few seconds
 * concerns a batch that is under way; read under the lock, the batch would keep everybody waiting for four questions.
 */
export const mostTries = 3;

/** Facts of requests that were composed without the log's lock, from what stood in the log at `since`. */
export type Composition = {
  readonly facts: readonly NewFact[];
  readonly since: bigint;
  readonly clients: readonly string[];
  readonly deadline: string | null;
};

/** Appends them, unless something has changed since; returns whether it did. */
export const appendUnchanged = async (db: Database, lanes: Lanes, composition: Composition): Promise<boolean> => {
  const { facts, since, clients, deadline } = composition;
  if (facts.length === 0) return true;
  try {
    await transact(db, async (tx) => {
      lockUnchanged(tx, { since, clients, deadline });
      await appendFacts(tx, lanes.of, facts, inlineProjections);
    });
    return true;
  } catch (error) {
    if (isChanged(error)) return false;
    throw error;
  }
};
