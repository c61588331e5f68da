import { ReachbackError, type Role } from '#contracts';
import type { Transaction } from '#event-log';
import type { Caller } from './caller.js';

/**
 * Whether a caller still has the right he came in with: to be asked under the log's lock, which revoking a key takes too.
 * So whoever revokes a key finds all that was done with it, and holds it.
 *
 * @throws {ReachbackError} `unauthorized`, as the next request with the key would be answered
 */
export const assertStillAllowed = async (tx: Transaction, { key, role, scope, isStored }: Caller): Promise<void> => {
  if (!isStored) return;
  const [row] = await tx<{ role: Role; group: string }[]>`
    SELECT role, group_path AS "group" FROM admin_key
    WHERE id = ${key} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
  if (row?.role !== role || row.group !== scope.group) throw new ReachbackError('unauthorized');
};
