import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { enrolReplySchema, type EnrolReply, subjects } from '#contracts';
import { type BrokerTrust, brokerTls } from '#tls';
import { AgentError, answerOf, messageOf } from '../agent-error.js';
import { firstRetry, identityTimeout, longestRetry, waitAfter } from '../retry.js';
import { untrusted } from '../untrusted.js';
import { type Identity, type IdentityStore, newIdentity, publicKeyOf } from './identity.js';

export type EnrolOptions = {
  readonly server: string;
  /** Whom to trust to be the broker. */
  readonly trust?: BrokerTrust | undefined;
  readonly id: string;
  /** `<id>.<secret>.<JWT>`; the JWT lets in to present the token. */
  readonly token: string;
  readonly store: IdentityStore;
  readonly signal?: AbortSignal;
  readonly told?: (event: EnrolEvent) => void;
};

export type EnrolEvent =
  | { readonly type: 'awaiting-approval'; readonly enrolment: string }
  | { readonly type: 'enrolled'; readonly expiresAt: string }
  | { readonly type: 'failed'; readonly what: 'enrolling'; readonly error: string; readonly retryInSeconds: number };

/** What the server says no to, and asking again would not change. */
const isFinal = (error: unknown): error is AgentError =>
  error instanceof AgentError && error.retryAfterSeconds === undefined;

/**
 * Enrols by a token, and waits for approval where that needs one. The key is on disk before it is shown: whatever answer
 * gets lost, the same key asks again, and uses the token no second time. A key that was revoked gives way to a new one.
 *
 * @throws {AgentError} with what the server says when it says no; `untrusted` when it shows no certificate that is trusted
 */
export const enrol = async (options: EnrolOptions): Promise<Identity> => {
  const { store } = options;
  const kept = await store.load();
  try {
    return await enrolAs(options, kept ?? newIdentity());
  } catch (error) {
    if (!kept || !(error instanceof AgentError) || error.code !== 'enrolment_refused') throw error;
    return enrolAs(options, newIdentity());
  }
};

const enrolAs = async (options: EnrolOptions, identity: Identity): Promise<Identity> => {
  const { server, trust, id, token, store, told } = options;
  await store.save(identity);
  const [tokenId = '', , ...jwt] = token.split('.');
  if (jwt.length !== 3) throw new Error('This is no enrolment token: it has five parts, joined by dots.');
  const nats = await connect({
    servers: server,
    name: `enrolment of ${id}`,
    authenticator: jwtAuthenticator(jwt.join('.')),
    inboxPrefix: `_INBOX.${tokenId}`,
    ...brokerTls(server, trust),
  }).catch((error: unknown) => {
    throw untrusted(error) ?? error;
  });
  try {
    const publicKey = publicKeyOf(identity);
    const reply = await ask(nats, subjects.enrol(tokenId), { token, clientId: id, publicKey }, options);
    const enrolled = { ...identity, jwt: reply.jwt };
    await store.save(enrolled);
    told?.({ type: 'enrolled', expiresAt: reply.expiresAt });
    return enrolled;
  } finally {
    await nats.close();
  }
};

type Approved = Extract<EnrolReply, { state: 'approved' }>;

/** Asks until it is approved or refused. */
const ask = async (
  nats: NatsConnection,
  subject: string,
  request: object,
  { signal, told }: EnrolOptions,
): Promise<Approved> => {
  let pause = firstRetry;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const message = await nats.request(subject, JSON.stringify(request), { timeout: identityTimeout });
      const reply = enrolReplySchema.parse(answerOf(message));
      if (reply.state === 'approved') return reply;
      told?.({ type: 'awaiting-approval', enrolment: reply.id });
      await sleep(reply.retryAfterSeconds * 1000, undefined, { signal });
    } catch (error) {
      if (signal?.aborted || isFinal(error) || nats.isClosed()) throw error;
      const wait = waitAfter(error, pause);
      told?.({ type: 'failed', what: 'enrolling', error: messageOf(error), retryInSeconds: wait / 1000 });
      await sleep(wait, undefined, { signal });
      pause = Math.min(pause * 2, longestRetry);
    }
  }
};
