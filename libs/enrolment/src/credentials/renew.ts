import { ReachbackError, type RenewReply } from '#contracts';
import { lockLog, transact } from '#event-log';
import { appender, type EnrolmentContext } from '../context.js';
import { findKey, type KnownKey } from '../requests/read-standing.js';

/** A credential that has more than this part of its lifetime left is not renewed again: a retry gets what it got. */
const freshPart = 0.95;

export type Renewing = {
  readonly clientId: string;
  readonly publicKey: string;
  readonly correlation: string;
  /** It is asked for over MQTT, where the JWT is a password. */
  readonly isForMqtt: boolean;
};

/**
 * Gives the key of a client a later expiry. That the request comes from the client is sure: the broker lets nobody else
 * publish as it, and nobody whose credential is revoked or has expired.
 *
 * @throws {ReachbackError} `enrolment_refused` when the key is not this client's, is revoked, or has expired
 */
export const renew = async (context: EnrolmentContext, request: Renewing): Promise<RenewReply> => {
  const { db, lanes, authority, lifetime } = context;
  const { clientId, publicKey, correlation } = request;
  const expiresAt = await transact(db, async (tx) => {
    await lockLog(tx);
    const key = await findKey(tx, publicKey);
    if (!isValid(key, clientId)) throw new ReachbackError('enrolment_refused');
    const now = Date.now();
    if (key.expiresAt.getTime() - now > freshPart * lifetime) return key.expiresAt;
    const until = new Date(now + lifetime);
    const append = appender(tx, lanes, { actor: 'agent', correlation });
    const data = { publicKey, expiresAt: until.toISOString() };
    await append({ type: 'credential-renewed', client: clientId, data });
    return until;
  });
  const issue = request.isForMqtt ? authority.issueMqttAgent : authority.issueAgent;
  return {
    jwt: issue({ clientId, publicKey, expiresAt }),
    expiresAt: expiresAt.toISOString(),
    time: new Date().toISOString(),
  };
};

const isValid = (key: KnownKey | undefined, clientId: string): key is KnownKey =>
  key !== undefined && key.clientId === clientId && !key.isRevoked && !key.isExpired;
