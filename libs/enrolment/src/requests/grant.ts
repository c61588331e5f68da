import { ReachbackError } from '#contracts';
import type { Transaction } from '#event-log';
import type { Append, EnrolmentContext } from '../context.js';
import { type Asked, findKey, isRemoved, selectValidKeys } from './read-standing.js';

type Wanted = Pick<Asked, 'clientId' | 'publicKey'>;

/**
 * Looks whether a key may be let in as a client. A key belongs to one client, and a client has one valid key: it is not
 * given to another before an administrator has revoked it, or the client was uninstalled.
 *
 * @returns the keys whose credentials have to be revoked before
 * @throws {ReachbackError} `enrolment_refused`, `conflict` or `client_id_taken`
 */
export const checkKey = async (tx: Transaction, { clientId, publicKey }: Wanted): Promise<readonly string[]> => {
  const known = await findKey(tx, publicKey);
  if (known?.isRevoked) throw new ReachbackError('enrolment_refused');
  if (known && known.clientId !== clientId) {
    throw new ReachbackError('conflict', 'This key belongs to another client; make a new key pair.');
  }
  const others = (await selectValidKeys(tx, clientId)).filter((key) => key.publicKey !== publicKey);
  if (others.length === 0 || (await isRemoved(tx, clientId))) return others.map((key) => key.publicKey);
  const message =
    `Another key has a valid credential as ${clientId}. Choose another id, or let an administrator revoke that ` +
    `credential (POST /v1/clients/${clientId}/credentials/revoke) or remove the client.`;
  throw new ReachbackError('client_id_taken', message);
};

/** Lets a key in as a client, until its credential expires; in place of the keys that {@link checkKey} named. */
export const grant = async (
  { lifetime }: Pick<EnrolmentContext, 'lifetime'>,
  append: Append,
  { id, token, clientId, publicKey, address }: Omit<Asked, 'state'>,
  replaced: readonly string[],
): Promise<void> => {
  for (const key of replaced) {
    await append({ type: 'credential-revoked', client: clientId, data: { publicKey: key, reason: 'replaced' } });
  }
  const expiresAt = new Date(Date.now() + lifetime).toISOString();
  const data = { enrolment: id, token, publicKey, address, expiresAt };
  await append({ type: 'client-enrolled', client: clientId, data });
};
