import type { CopiedInstance } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';

export type Copy = {
  readonly position: bigint;
  readonly clientId: string;
  readonly detectedAt: Date;
  readonly instances: readonly CopiedInstance[];
};

/** Clients that two machines speak as, before a position, newest first. */
export const listCopies = (db: Queryable, scope: Scope, before: string | undefined, limit: number) => db<Copy[]>`
  SELECT k.position, k.client_id AS "clientId", k.detected_at AS "detectedAt", k.instances
  FROM client_copy k JOIN client c ON c.id = k.client_id
  WHERE true ${before === undefined ? db`` : db`AND k.position < ${before}`} ${scope.condition(db, 'c.group_path')}
  ORDER BY k.position DESC LIMIT ${limit}`;

/** The position of the fact by which a client is known to be copied; undefined when it is not. */
export const findCopy = async (db: Queryable, clientId: string): Promise<bigint | undefined> => {
  const [row] = await db<{ position: bigint }[]>`SELECT position FROM client_copy WHERE client_id = ${clientId}`;
  return row?.position;
};
