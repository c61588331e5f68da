import { ReachbackError } from '#contracts';
import { history, untilCaughtUp } from '#projections';
import type { ApiContext } from './context.js';

/** How long a question about the past waits for the history, in milliseconds. */
const patience = 3_000;

/**
 * Waits until the history holds every transition that is in the log at this moment: a late one may concern any time,
 * and what an administrator has just done must show.
 *
 * @throws {ReachbackError} `unavailable` while it is further behind: no answer rather than an old one
 */
export const untilHistoryIsThere = async ({ db }: ApiContext): Promise<void> => {
  if (await untilCaughtUp(db, history, patience)) return;
  throw new ReachbackError(
    'unavailable',
    'The history has not caught up with the log yet; GET /v1/projections shows how far it is.',
    5,
  );
};

/** An instant out of a request. What is not yet is answered as of now. */
export const notAfterNow = (instant: string): Date => new Date(Math.min(Date.parse(instant), Date.now()));
