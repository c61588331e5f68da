import type { ProgressState, ReleaseProgress } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { type Alike, readEta } from './eta.js';
import type { Release } from './select-releases.js';

/** How far a release has come, exact, and when those that still lack it will have it at the latest (G10). */
export const readProgress = async (
  db: Queryable,
  scope: Scope,
  { id, withdrawnAt, pausedAt }: Pick<Release, 'id' | 'withdrawnAt' | 'pausedAt'>,
  now: Date,
): Promise<{ readonly progress: ReleaseProgress; readonly eta: Date | null }> => {
  const alike = await db<Alike[]>`
    SELECT state, status LIKE '%Online' AS "isOnline", network, policy_group AS "group", who AS own,
           sum(clients)::integer AS clients
    FROM release_counts(${id}, ${scope.group}) GROUP BY 1, 2, 3, 4, 5`;
  const countOf = (state?: ProgressState): number =>
    alike.reduce((sum, row) => sum + (state === undefined || row.state === state ? row.clients : 0), 0);
  const progress = {
    targeted: countOf(),
    pending: countOf('pending'),
    delivered: countOf('delivered'),
    acknowledged: countOf('acknowledged'),
    failed: countOf('failed'),
    expired: countOf('expired'),
    superseded: countOf('superseded'),
    ...(withdrawnAt === null ? {} : { withdrawn: countOf('withdrawn') }),
  };
  const lacking = alike.filter(({ state }) => state === 'pending' || state === 'delivered' || state === 'failed');
  return { progress, eta: await readEta(db, scope, { id, isPaused: pausedAt !== null }, lacking, now) };
};
