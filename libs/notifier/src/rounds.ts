import { randomUUID } from 'node:crypto';
import { type Database, FencedError, type Queryable, transact } from '#event-log';
import { type DirectClient, pageOfDirect } from './direct-clients.js';
import { type DueMark, forgetDue, retryLater } from './due.js';
import { lease } from './rules.js';

/** A change that is being told to the direct clients it concerns. */
export type Round = {
  readonly position: bigint;
  readonly cursor: string;
  /** Tells this claim from any later one. */
  readonly owner: string;
} & (
  { readonly reason: 'settings' } | { readonly reason: 'update'; readonly component: string; readonly release: string }
);

/** Takes the rounds that nobody works on. */
export const claimRounds = (db: Queryable): Promise<readonly Round[]> => db<Round[]>`
  UPDATE notification_round r
  SET owner = ${randomUUID()}, leased_until = now() + ${lease} * interval '1 millisecond'
  FROM (
    SELECT position FROM notification_round WHERE leased_until < now() ORDER BY position FOR UPDATE SKIP LOCKED
  ) free
  WHERE r.position = free.position
  RETURNING r.position, r.cursor, r.owner, r.reason, r.component, r.release`;

export const renewRounds = async (db: Queryable, owners: readonly string[]): Promise<void> => {
  if (owners.length === 0) return;
  await db`
    UPDATE notification_round SET leased_until = now() + ${lease} * interval '1 millisecond'
    WHERE owner = ANY(${[...owners]}::uuid[])`;
};

/** Leaves a round to whoever comes next. */
export const releaseRound = async (db: Queryable, { position, owner }: Round): Promise<void> => {
  await db`
    UPDATE notification_round SET leased_until = '-infinity' WHERE position = ${position} AND owner = ${owner}`;
};

/**
 * The next direct clients, each with whether it lacks just what the round is about. Who has something else to fetch, or
 * has fetched this, is not concerned. A subquery with LIMIT keeps the view to the page's clients, one by one.
 */
export const readRoundPage = (db: Queryable, round: Round, cursor: string) => db<DirectClient[]>`
  WITH page AS MATERIALIZED (${pageOfDirect(db, cursor)})
  SELECT page.client_id AS id, coalesce(c.ips, '{}') AS ips,
         coalesce(${round.reason === 'settings' ? lacksSettings(db, round) : lacksUpdate(db, round)}, false) AS concerned
  FROM page
  LEFT JOIN client c ON c.id = page.client_id
  ORDER BY page.client_id`;

const lacksSettings = (db: Queryable, { position }: Round) => db`
  (SELECT true FROM undelivered_work w
   WHERE w.client_id = page.client_id AND w.kind = 'settings' AND w.position = ${position} AND w.state = 'pending'
   LIMIT 1)`;

/** Asked of this release alone: composing queues would cost every release of every component. */
const lacksUpdate = (db: Queryable, { release }: Extract<Round, { reason: 'update' }>) => db`
  (SELECT true FROM release_standing s
   WHERE s.client_id = page.client_id AND s.release = ${release} AND s.state = 'pending' AND s.paused_at IS NULL
     AND s.is_awaiting_admission IS NOT TRUE
   LIMIT 1)`;

/** What became of a page of a round. */
export type RoundOutcome = {
  /** The rows of those who answered, and need not be told again. */
  readonly answered: readonly DueMark[];
  readonly unanswered: readonly string[];
  /** Where to go on; undefined after the last page: the round is gone then. */
  readonly next: string | undefined;
};

/**
 * Moves a round on with what became of a page.
 *
 * @throws {FencedError} when the round is somebody else's by now, or has been overtaken
 */
export const settleRoundPage = async (
  db: Database,
  { position, owner, reason }: Round,
  { answered, unanswered, next }: RoundOutcome,
  retryInterval: number,
): Promise<void> => {
  await forgetDue(db, answered);
  await transact(db, async (tx) => {
    const { count } =
      next === undefined
        ? await tx`DELETE FROM notification_round WHERE position = ${position} AND owner = ${owner}`
        : await tx`
            UPDATE notification_round SET cursor = ${next} WHERE position = ${position} AND owner = ${owner}`;
    if (count === 0) throw new FencedError(`The round of position ${position} is not this worker's any more.`);
    await retryLater(tx, unanswered, reason, retryInterval);
  });
};
