import type { Queryable } from '#event-log';

export type Token = {
  readonly id: string;
  readonly position: bigint;
  readonly state: 'usable' | 'used-up' | 'expired';
  readonly clientId: string | null;
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly uses: number;
  readonly used: number;
  readonly approval: boolean;
  readonly splitFrom: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
};

const columns = (db: Queryable) => db`
  id, position, client_id AS "clientId", group_path AS "group", labels, uses, used, approval,
  (SELECT s.client_id FROM client_split s WHERE s.token = enrolment_token.id) AS "splitFrom",
  created_by AS "createdBy", created_at AS "createdAt", expires_at AS "expiresAt",
  CASE WHEN used >= uses THEN 'used-up' WHEN expires_at <= now() THEN 'expired' ELSE 'usable' END AS state`;

export const findToken = async (db: Queryable, id: string): Promise<Token | undefined> => {
  const [row] = await db<Token[]>`
    SELECT ${columns(db)} FROM enrolment_token WHERE id = ${id} AND deleted_at IS NULL`;
  return row;
};

/** Those before a position, newest first; not the deleted ones. */
export const listTokens = (db: Queryable, before: string | undefined, limit: number) => db<Token[]>`
  SELECT ${columns(db)} FROM enrolment_token
  WHERE deleted_at IS NULL ${before === undefined ? db`` : db`AND position < ${before}`}
  ORDER BY position DESC LIMIT ${limit}`;
