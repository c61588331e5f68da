import { ReachbackError } from '#contracts';
import { catchUp, PoisonFactError, workCounts } from '#projections';
import type { ApiContext } from '../context.js';

/**
 * Has counted what clients were sent and confirmed up to this moment: what whoever asks has seen happen must show.
 *
 * @throws {ReachbackError} `unavailable` where it cannot be counted: no answer rather than an old one
 */
export const untilCounted = async ({ db }: Pick<ApiContext, 'db'>): Promise<void> => {
  try {
    await catchUp(db, workCounts);
  } catch (error) {
    if (!(error instanceof PoisonFactError)) throw error;
    throw new ReachbackError(
      'unavailable',
      'What clients have is not counted up to now; GET /v1/projections shows what is in the way.',
      5,
    );
  }
};
