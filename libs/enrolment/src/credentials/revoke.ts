import type { Transaction } from '#event-log';
import type { Append } from '../context.js';
import { selectValidKeys } from '../requests/read-standing.js';

/**
 * Revokes what a client may connect with. It holds when the broker has been told ({@link Revocations.push}).
 *
 * @returns the keys concerned; none where the client has no valid credential
 */
export const revoke = async (
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  clientId: string,
  reason: 'revoked' | 'removed',
): Promise<readonly string[]> => {
  const keys = (await selectValidKeys(tx, clientId)).map(({ publicKey }) => publicKey);
  for (const publicKey of keys) {
    await append({ type: 'credential-revoked', client: clientId, data: { publicKey, reason } });
  }
  return keys;
};
