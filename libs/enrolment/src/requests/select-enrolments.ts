import type { EnrolmentListQuery } from '#contracts';
import type { Queryable } from '#event-log';

export type Enrolment = {
  readonly id: string;
  readonly position: bigint;
  readonly state: 'pending' | 'approved' | 'refused';
  readonly clientId: string;
  readonly publicKey: string;
  readonly token: string;
  readonly splitFrom: string | null;
  readonly address: string | null;
  readonly requestedAt: Date;
  readonly decidedAt: Date | null;
  readonly decidedBy: string | null;
};

const columns = (db: Queryable) => db`
  id, position, state, client_id AS "clientId", public_key AS "publicKey", token, address,
  (SELECT s.client_id FROM client_split s WHERE s.token = enrolment.token) AS "splitFrom",
  requested_at AS "requestedAt", decided_at AS "decidedAt", decided_by AS "decidedBy"`;

/** Those of a state, or all, before a position, newest first. */
export const listEnrolments = (
  db: Queryable,
  { state, limit }: Pick<EnrolmentListQuery, 'state' | 'limit'>,
  before: string | undefined,
) => db<Enrolment[]>`
  SELECT ${columns(db)} FROM enrolment
  WHERE ${state === undefined ? db`true` : db`state = ${state}`}
    ${before === undefined ? db`` : db`AND position < ${before}`}
  ORDER BY position DESC LIMIT ${limit}`;

export const selectEnrolment = async (db: Queryable, id: string): Promise<Enrolment | undefined> => {
  const [row] = await db<Enrolment[]>`SELECT ${columns(db)} FROM enrolment WHERE id = ${id}`;
  return row;
};
