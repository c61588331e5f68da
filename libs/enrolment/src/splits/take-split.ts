import { ReachbackError } from '#contracts';
import type { Transaction } from '#event-log';
import type { Append } from '../context.js';

/**
 * Says that a copy has asked to be let in with a key of its own, if this is one of the tokens by which copies do.
 *
 * @throws {ReachbackError} `enrolment_token_invalid` when the credential that it was copied with has been revoked since
 */
export const takeSplit = async (
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  { token, publicKey }: { readonly token: string; readonly publicKey: string },
): Promise<void> => {
  const [split] = await tx<{ origin: string; clientId: string; isRevoked: boolean }[]>`
    SELECT s.client_id AS origin, s.split_id AS "clientId", k.revoked_at IS NOT NULL AS "isRevoked"
    FROM client_split s LEFT JOIN credential k ON k.public_key = s.public_key WHERE s.token = ${token}`;
  if (!split) return;
  const { origin, clientId, isRevoked } = split;
  if (isRevoked) throw new ReachbackError('enrolment_token_invalid');
  await append({ type: 'client-split', client: origin, data: { token, clientId, publicKey } });
};
