import { ReachbackError } from '#contracts';
import type { Transaction } from '#event-log';
import type { Append } from '../context.js';

/**
 * Makes a token worthless: nobody enrols with it, nobody connects with it, and who waits for approval is refused. Who
 * has enrolled with it keeps the credential.
 *
 * @throws {ReachbackError} `not_found`
 */
export const deleteToken = async (
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  id: string,
): Promise<void> => {
  const [token] = await tx`SELECT FROM enrolment_token WHERE id = ${id} AND deleted_at IS NULL`;
  if (!token) throw new ReachbackError('not_found', 'There is no enrolment token with this id.');
  const waiting = await tx<{ id: string; client: string }[]>`
    SELECT id, client_id AS client FROM enrolment WHERE token = ${id} AND state = 'pending' ORDER BY position`;
  for (const one of waiting) await append({ type: 'enrolment-refused', client: one.client, data: { id: one.id } });
  await append({ type: 'enrolment-token-deleted', client: null, data: { id } });
};
