import type { Queryable } from '#event-log';
import { type DirectClient, pageOfDirect } from './direct-clients.js';
import type { Round } from './rounds.js';
import { pageSize } from './rules.js';

type Of<R extends Round['reason']> = Extract<Round, { readonly reason: R }>;

/**
 * The next direct clients, each with whether it lacks just what the round is about. Who has something else to fetch, or
 * has fetched this, is not concerned. A subquery with LIMIT keeps the view to the page's clients, one by one.
 */
export const readRoundPage = (db: Queryable, round: Round, cursor: string): Promise<readonly DirectClient[]> => {
  const byPlace = isByPlace(round);
  return db<DirectClient[]>`
    WITH page AS MATERIALIZED (${byPlace ? pageOfAdmitted(db, round, cursor) : pageOfDirect(db, cursor)})
    SELECT page.client_id AS id, coalesce(c.ips, '{}') AS ips, coalesce(${lacks(db, round)}, false) AS concerned
    FROM page
    LEFT JOIN client c ON c.id = page.client_id
    ORDER BY ${byPlace ? db`rollout_place(page.client_id), ` : db``} page.client_id`;
};

/**
 * Whether nobody is left whom a round must wait for. To be asked before a page is read: who is admitted in between is in
 * that page, or there is another.
 */
export const hasAdmittedAll = async (db: Queryable, round: Round): Promise<boolean> => {
  if (!isByPlace(round)) return true;
  const [row] = await db<{ all: boolean }[]>`
    SELECT admitted_place(rollout_from, rollout_over, paused_at) >= 1 AS all FROM release WHERE id = ${round.release}`;
  return row?.all ?? true;
};

const isByPlace = (round: Round): round is Of<'update'> => round.reason === 'update' && !round.isWithdrawal;

/** The next of those that the release has admitted by now, in the order in which it did. */
const pageOfAdmitted = (db: Queryable, { release }: Of<'update'>, cursor: string) => db`
  SELECT client_id FROM presence
  WHERE network = 'direct' AND (rollout_place(client_id), client_id) > (round_place(${cursor}), ${cursor})
    AND rollout_place(client_id) <=
      (SELECT admitted_place(rollout_from, rollout_over, paused_at) FROM release WHERE id = ${release})
  ORDER BY rollout_place(client_id), client_id LIMIT ${pageSize}`;

const lacks = (db: Queryable, round: Round) => {
  if (round.reason === 'settings') return lacksSettings(db, round);
  return round.isWithdrawal ? lacksReplacement(db, round) : lacksUpdate(db, round);
};

const lacksSettings = (db: Queryable, { position }: Of<'settings'>) => db`
  (SELECT true FROM undelivered_work w
   WHERE w.client_id = page.client_id AND w.kind = 'settings' AND w.position = ${position} AND w.state = 'pending'
     AND w.is_deliverable
   LIMIT 1)`;

/** Asked of this release alone: composing queues would cost every release of every component. */
const lacksUpdate = (db: Queryable, { release }: Of<'update'>) => db`
  (SELECT true FROM release_standing s
   WHERE s.client_id = page.client_id AND s.release = ${release} AND ${isDeliverable(db)}
   LIMIT 1)`;

/**
 * Whether an older release is wanted again by a client that the withdrawn one was for. Whom that release has admitted
 * only since is told by its own round; whom it admitted just before may be told by both, which is better than by none.
 */
const lacksReplacement = (db: Queryable, { release, component }: Of<'update'>) => db`
  (SELECT true FROM release_standing s
   JOIN release withdrawn ON withdrawn.id = ${release} AND withdrawn.position > s.position
   WHERE s.client_id = page.client_id AND s.component = ${component} AND s.is_current AND ${isDeliverable(db)}
     AND (s.admitted_at IS NULL OR s.admitted_at <= withdrawn.withdrawn_at)
     AND EXISTS (SELECT FROM release_standing w WHERE w.client_id = page.client_id AND w.release = ${release})
   LIMIT 1)`;

const isDeliverable = (db: Queryable) =>
  db`s.state = 'pending' AND s.paused_at IS NULL AND s.is_awaiting_admission IS NOT TRUE`;
