import type { Queryable } from '#event-log';

type Row = {
  readonly position: bigint;
  readonly id: string;
  readonly state: 'running' | 'finished';
  readonly reason: 'on-demand' | 'scheduled';
  readonly requestedBy: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly direct: number;
  readonly asked: number;
  readonly answered: number;
  readonly unanswered: number;
  readonly skipped: number;
};

const columns = (db: Queryable) => db`
  position, id, CASE WHEN finished_at IS NULL THEN 'running' ELSE 'finished' END AS state, reason,
  requested_by AS "requestedBy", started_at AS "startedAt", finished_at AS "finishedAt",
  coalesce(direct, 0) AS direct, asked, answered, unanswered, coalesce(skipped, 0) AS skipped`;

export const findVerification = async (db: Queryable, id: string): Promise<Row | undefined> => {
  const [row] = await db<Row[]>`SELECT ${columns(db)} FROM verification WHERE id = ${id}`;
  return row;
};

/** The id of the one that runs, if one does. */
export const findRunning = async (db: Queryable): Promise<string | undefined> => {
  const [row] = await db<{ id: string }[]>`SELECT id FROM verification WHERE finished_at IS NULL`;
  return row?.id;
};

/** Those before a position, newest first. */
export const listVerifications = (db: Queryable, before: string | undefined, limit: number) => db<Row[]>`
  SELECT ${columns(db)} FROM verification
  ${before === undefined ? db`` : db`WHERE position < ${before}`}
  ORDER BY position DESC LIMIT ${limit}`;

/** A verification as REST shows it. */
export const toVerification = (row: Row) => {
  const { id, state, reason, requestedBy, startedAt, finishedAt, direct, asked, answered, unanswered, skipped } = row;
  const progress = { direct, asked, answered, unanswered, skipped };
  return { id, state, reason, requestedBy, startedAt, finishedAt, progress };
};
