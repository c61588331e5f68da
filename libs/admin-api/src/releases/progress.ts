import type { ReleaseProgress } from '#contracts';
import { expectedAt, type Standing } from '#domain';
import type { Queryable } from '#event-log';
import { readPolicies } from './policies.js';
import type { Release } from './select-releases.js';

/** Clients that stand alike: same state, same policy. */
type Cohort = {
  readonly state: Standing['state'];
  readonly group: string;
  /** The client, where it has settings of its own. */
  readonly own: string | null;
  readonly isOnline: boolean;
  readonly network: 'direct' | 'unreachable';
  readonly clients: number;
  readonly isPaused: boolean;
  /** The last turn in the rollout among them. */
  readonly admittedAt: Date | null;
};

/**
 * How far a release has come, exact, and when those that still lack it will have it at the latest: null when none does,
 * or when one of them is asleep and nobody can know (G10).
 */
export const readProgress = async (
  db: Queryable,
  { id, withdrawnAt }: Pick<Release, 'id' | 'withdrawnAt'>,
): Promise<{ readonly progress: ReleaseProgress; readonly eta: Date | null }> => {
  const cohorts = await selectCohorts(db, id);
  const countOf = (state?: Standing['state']): number =>
    cohorts.reduce((sum, cohort) => sum + (state === undefined || cohort.state === state ? cohort.clients : 0), 0);
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
  return { progress, eta: await etaOf(db, cohorts) };
};

/** One row for the clients of a group that stand alike; those that are done with it differ in nothing. */
const selectCohorts = (db: Queryable, id: string) => db<Cohort[]>`
  WITH standing AS MATERIALIZED (
    SELECT client_id, group_path, state, paused_at IS NOT NULL AS is_paused, admitted_at
    FROM release_standing WHERE release = ${id}
  )
  SELECT state, '' AS "group", NULL AS own, false AS "isOnline", 'direct' AS network, count(*)::integer AS clients,
         false AS "isPaused", NULL::timestamptz AS "admittedAt"
  FROM standing WHERE state NOT IN ('pending', 'delivered', 'failed')
  GROUP BY state
  UNION ALL
  SELECT s.state, s.group_path, own.key, coalesce(p.status LIKE '%Online', false), coalesce(p.network, 'direct'),
         count(*)::integer, s.is_paused, max(s.admitted_at)
  FROM standing s
  LEFT JOIN presence p ON p.client_id = s.client_id
  LEFT JOIN settings_level own ON own.scope = 'client' AND own.key = s.client_id
  WHERE s.state IN ('pending', 'delivered', 'failed')
  GROUP BY 1, 2, 3, 4, 5, 7`;

const etaOf = async (db: Queryable, cohorts: readonly Cohort[]): Promise<Date | null> => {
  const lacking = cohorts.filter(({ state }) => state === 'pending' || state === 'delivered' || state === 'failed');
  if (lacking.length === 0 || lacking.some(({ isOnline }) => !isOnline)) return null;
  const policies = await readPolicies(db, lacking);
  const now = new Date();
  const times = lacking.map((cohort) => expectedAt(cohort, { policy: policies(cohort), network: cohort.network, now }));
  const known = times.filter((time) => time !== null);
  return known.length < times.length ? null : new Date(Math.max(...known.map((time) => time.getTime())));
};
