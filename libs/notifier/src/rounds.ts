import { randomUUID } from 'node:crypto';
import { type Database, FencedError, type Queryable, transact } from '#event-log';
import { type DueMark, forgetDue, retryLater } from './due.js';

/** A change that is being told to the direct clients it concerns. */
export type Round = {
  readonly position: bigint;
  readonly cursor: string;
  /** Tells this claim from any later one. */
  readonly owner: string;
} & (
  | { readonly reason: 'settings' }
  | {
      readonly reason: 'update';
      readonly component: string;
      readonly release: string;
      /** The release was withdrawn, and what is told is what takes its place. */
      readonly isWithdrawal: boolean;
    }
);

/** Takes the rounds that nobody works on and that have somebody to go through; `lease` in milliseconds. */
export const claimRounds = (db: Queryable, lease: number): Promise<readonly Round[]> => db<Round[]>`
  UPDATE notification_round r
  SET owner = ${randomUUID()}, leased_until = now() + ${lease} * interval '1 millisecond'
  FROM (
    SELECT position FROM notification_round r
    WHERE leased_until < now() AND (release IS NULL OR is_withdrawal OR ${hasAdmittedMore(db)})
    ORDER BY position FOR UPDATE SKIP LOCKED
  ) free
  WHERE r.position = free.position
  RETURNING r.position, r.cursor, r.owner, r.reason, r.component, r.release, r.is_withdrawal AS "isWithdrawal"`;

/** Of a rollout, whether it has admitted somebody since its round was there last, or everybody. */
const hasAdmittedMore = (db: Queryable) => db`
  EXISTS (
    SELECT FROM release l
    CROSS JOIN LATERAL (SELECT admitted_place(l.rollout_from, l.rollout_over, l.paused_at) AS place) admitted
    WHERE l.id = r.release AND (admitted.place >= 1 OR EXISTS (
      SELECT FROM presence p
      WHERE p.network = 'direct' AND rollout_place(p.client_id) <= admitted.place
        AND (rollout_place(p.client_id), p.client_id) > (round_place(r.cursor), r.cursor))))`;

export const renewRounds = async (db: Queryable, owners: readonly string[], lease: number): Promise<void> => {
  if (owners.length === 0) return;
  await db`
    UPDATE notification_round SET leased_until = now() + ${lease} * interval '1 millisecond'
    WHERE owner = ANY(${[...owners]}::uuid[])`;
};

/** Leaves a round to whoever comes next. */
export const releaseRound = async (db: Queryable, { position, owner }: Round): Promise<void> => {
  await db`
    UPDATE notification_round SET owner = NULL, leased_until = '-infinity'
    WHERE position = ${position} AND owner = ${owner}`;
};

/** What became of a page of a round. */
export type RoundOutcome = {
  /** The rows of those who answered, and need not be told again. */
  readonly answered: readonly DueMark[];
  readonly unanswered: readonly string[];
  /** Where to go on, at once or when there is somebody to go on with; `over` and the round is gone. */
  readonly next: { readonly cursor: string; readonly isWaiting: boolean } | 'over';
};

/**
 * Moves a round on with what became of a page.
 *
 * @throws {FencedError} when the round is somebody else's by now, or has been overtaken
 */
export const settleRoundPage = async (
  db: Database,
  round: Round,
  { answered, unanswered, next }: RoundOutcome,
  retryInterval: number,
): Promise<void> => {
  await forgetDue(db, answered);
  await transact(db, async (tx) => {
    const { count } = await moveOn(tx, round, next);
    if (count === 0) throw new FencedError(`The round of position ${round.position} is not this worker's any more.`);
    await retryLater(tx, unanswered, round.reason, retryInterval);
  });
};

const moveOn = (tx: Queryable, { position, owner }: Round, next: RoundOutcome['next']) => {
  const mine = tx`position = ${position} AND owner = ${owner}`;
  if (next === 'over') return tx`DELETE FROM notification_round WHERE ${mine}`;
  const free = next.isWaiting ? tx`, owner = NULL, leased_until = '-infinity'` : tx``;
  return tx`UPDATE notification_round SET cursor = ${next.cursor} ${free} WHERE ${mine}`;
};
