import { ReachbackError } from '#contracts';
import { catchUp, PoisonFactError, workCounts } from '#projections';
import type { ApiContext } from '../context.js';

/** How long a question waits for what is counted up to now, in milliseconds. */
const patience = 3_000;

/**
 * Has counted what clients were sent and confirmed up to this moment: what whoever asks has seen happen must show.
 *
 * @throws {ReachbackError} `unavailable` while it is further behind, or cannot be counted: no answer rather than an old one
 */
export const untilCounted = async ({ db }: Pick<ApiContext, 'db'>): Promise<void> => {
  const isCounted = await catchUp(db, workCounts, patience).catch((error: unknown) => {
    if (error instanceof PoisonFactError) return false;
    throw error;
  });
  if (isCounted) return;
  throw new ReachbackError(
    'unavailable',
    'What clients have is not counted up to now yet; GET /v1/projections shows how far it is.',
    5,
  );
};
