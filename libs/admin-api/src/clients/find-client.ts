import { ReachbackError } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';

/** Where a client is: in the tree of groups, and in the log. */
export type ClientPlace = {
  readonly id: string;
  readonly group: string;
  readonly lane: number;
  readonly ordinal: number;
  readonly isRemoved: boolean;
};

/**
 * A client that has ever been registered; a removed one is within the group that it was in.
 *
 * @throws {ReachbackError} `not_registered`, for one elsewhere exactly as for one that never was
 */
export const findKnown = async (db: Queryable, scope: Scope, id: string): Promise<ClientPlace> => {
  const [row] = await db<ClientPlace[]>`
    SELECT id, group_path AS "group", lane, ordinal, removed_at IS NOT NULL AS "isRemoved" FROM client WHERE id = ${id}`;
  if (!row || !scope.covers(row.group)) throw new ReachbackError('not_registered');
  return row;
};

/**
 * A client that is registered.
 *
 * @throws {ReachbackError} `not_registered`
 */
export const findRegistered = async (db: Queryable, scope: Scope, id: string): Promise<ClientPlace> => {
  const place = await findKnown(db, scope, id);
  if (place.isRemoved) throw new ReachbackError('not_registered');
  return place;
};
