import type { ProgressState, ReleaseProgress } from '#contracts';
import type { Queryable } from '#event-log';
import { readEta } from './eta.js';
import type { Release } from './select-releases.js';

type Counted = { readonly state: ProgressState; readonly clients: number; readonly asleep: number };

/**
 * How far a release has come, exact, and when those that still lack it will have it at the latest: null when none does,
 * or when one of them is asleep and nobody can know (G10).
 */
export const readProgress = async (
  db: Queryable,
  { id, withdrawnAt }: Pick<Release, 'id' | 'withdrawnAt'>,
): Promise<{ readonly progress: ReleaseProgress; readonly eta: Date | null }> => {
  const counted = await db<Counted[]>`
    SELECT state, sum(clients)::integer AS clients,
           coalesce(sum(clients) FILTER (WHERE status NOT LIKE '%Online'), 0)::integer AS asleep
    FROM release_counts(${id}) GROUP BY state`;
  const countOf = (state: ProgressState): number => counted.find((row) => row.state === state)?.clients ?? 0;
  const progress = {
    targeted: counted.reduce((sum, { clients }) => sum + clients, 0),
    pending: countOf('pending'),
    delivered: countOf('delivered'),
    acknowledged: countOf('acknowledged'),
    failed: countOf('failed'),
    expired: countOf('expired'),
    superseded: countOf('superseded'),
    ...(withdrawnAt === null ? {} : { withdrawn: countOf('withdrawn') }),
  };
  const lacking = counted.filter(({ state }) => state === 'pending' || state === 'delivered' || state === 'failed');
  const isKnown = lacking.length > 0 && lacking.every(({ asleep }) => asleep === 0);
  return { progress, eta: isKnown ? await readEta(db, id) : null };
};
