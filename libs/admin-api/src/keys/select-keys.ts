import { ReachbackError, type Role } from '#contracts';
import type { Queryable } from '#event-log';

/** An administrator's key, without what it is told by. */
export type AdminKey = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly group: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
};

const columns = (db: Queryable) => db`
  id, name, role, group_path AS "group", created_at AS "createdAt", created_by AS "createdBy",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

/** @throws {ReachbackError} `not_found` */
export const findKey = async (db: Queryable, id: string): Promise<AdminKey> => {
  const [row] = await db<AdminKey[]>`SELECT ${columns(db)} FROM admin_key WHERE id = ${id}`;
  if (!row) throw new ReachbackError('not_found', 'There is no key with this id.');
  return row;
};

/** By their ids, those after one. */
export const listKeys = (db: Queryable, { revoked, after, limit }: ListOptions) => db<AdminKey[]>`
  SELECT ${columns(db)} FROM admin_key
  WHERE id > ${after} ${revoked ? db`` : db`AND revoked_at IS NULL`} ORDER BY id LIMIT ${limit}`;
type ListOptions = { readonly revoked: boolean; readonly after: string; readonly limit: number };

/** @throws {ReachbackError} `conflict` when another key that is not revoked has the name */
export const assertNameFree = async (db: Queryable, name: string): Promise<void> => {
  const [row] = await db<{ id: string }[]>`SELECT id FROM admin_key WHERE name = ${name} AND revoked_at IS NULL`;
  if (row)
    throw new ReachbackError('conflict', `The key ${row.id} has the name "${name}"; revoke it, or choose another.`);
};
