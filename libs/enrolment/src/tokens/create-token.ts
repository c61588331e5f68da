import { nkeys } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { type EnrolmentTokenBody, ReachbackError } from '#contracts';
import { parseDuration } from '#domain';
import type { Transaction } from '#event-log';
import type { Append, EnrolmentContext } from '../context.js';
import { formatToken, hashSecret, makeSecret } from './token-text.js';

const day = 86_400_000;
const defaultLifetime = 7 * day;
const longestLifetime = 365 * day;
/**
 * For how long after a token's expiry its bearer may still connect, in milliseconds: whoever waits for approval asks by
 * the token whether it was given. Nobody enrols anew with it.
 */
export const bearerGrace = 30 * day;
export const bearerUntil = (expiresAt: Date): Date => new Date(expiresAt.getTime() + bearerGrace);

/**
 * Makes a token of enrolment; its secret is kept as a hash alone, and the seed of its credential by nobody.
 *
 * @param secretOf its secret, by its id; by chance without it
 * @returns its id, and the token, which cannot be read again
 * @throws {ReachbackError} `bad_request` when it would expire in the past, or later than in a year
 */
export const createToken = async (
  { authority }: Pick<EnrolmentContext, 'authority'>,
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  body: EnrolmentTokenBody,
  secretOf: (id: string) => string = makeSecret,
): Promise<{ readonly id: string; readonly token: string; readonly expiresAt: string }> => {
  const expiresAt = expiryOf(body, Date.now());
  const id = randomUUID();
  const secret = secretOf(id);
  const publicKey = nkeys.createUser().getPublicKey();
  const { clientId = null, group = null, labels = {}, uses, approval } = body;
  const data = { id, publicKey, clientId, group, labels, uses, approval, expiresAt: expiresAt.toISOString() };
  await append({ type: 'enrolment-token-created', client: null, data });
  await tx`UPDATE enrolment_token SET secret_hash = ${hashSecret(secret)} WHERE id = ${id}`;
  const jwt = authority.issueEnrolment({ tokenId: id, publicKey, expiresAt: bearerUntil(expiresAt) });
  return { id, token: formatToken(id, secret, jwt), expiresAt: data.expiresAt };
};

const expiryOf = ({ expiresIn, expiresAt }: EnrolmentTokenBody, now: number): Date => {
  const field = expiresAt === undefined ? 'expiresIn' : 'expiresAt';
  const given = expiresIn === undefined ? defaultLifetime : parseDuration(expiresIn);
  const at = expiresAt === undefined ? (given === undefined ? undefined : now + given) : Date.parse(expiresAt);
  if (at !== undefined && at > now && at <= now + longestLifetime) return new Date(at);
  const message = `${field}: must lie ahead, within a year${field === 'expiresIn' ? ', as an ISO 8601 duration such as PT1H' : ''}`;
  throw new ReachbackError('bad_request', message, undefined, field);
};
