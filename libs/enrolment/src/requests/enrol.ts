import { randomUUID } from 'node:crypto';
import { type EnrolReply, type EnrolRequest, ReachbackError } from '#contracts';
import { lockLog, type Queryable, type Transaction, transact } from '#event-log';
import { publicKeyOfSecret } from '#identity';
import { type Append, appender, type EnrolmentContext } from '../context.js';
import { assertPublicKey } from '../credentials/public-key.js';
import { checkKey, grant } from './grant.js';
import { takeSplit } from '../splits/take-split.js';
import { type Asked, findAsked, findKey, findPresented, type PresentedToken } from './read-standing.js';

/** How soon whoever waits for approval should ask again, in seconds. */
const pendingRetry = 10;

export type Enrolling = EnrolRequest & {
  /** Where it comes from, if that is known. */
  readonly address: string | null;
  readonly correlation: string;
};

/**
 * Lets a key in as a client by a token, or has it wait for approval. Each is one transaction under the log's lock, so a
 * token's uses are counted exactly. The same key with the same id and token gets the same answer again, and uses nothing.
 *
 * @throws {ReachbackError} `enrolment_token_invalid` whatever is wrong with the token; else as {@link checkKey}
 */
export const enrol = async (context: EnrolmentContext, request: Enrolling): Promise<EnrolReply> => {
  const { db, lanes } = context;
  const key = keyOf(request);
  // Whoever has no token at all shall not make others wait for the log's lock.
  if (!(await findPresented(db, request.token))) throw invalid();
  const { reply, replaced } = await transact(db, async (tx) => {
    await lockLog(tx);
    const token = await findPresented(tx, request.token);
    if (!token) throw invalid();
    const append = appender(tx, lanes, { actor: 'agent', correlation: request.correlation });
    return decide(context, { tx, append }, token, { ...request, ...key });
  });
  if (replaced.length > 0) await context.revocations.push();
  return reply;
};

/** Who asks, and whether by a secret: only who shows the secret is given a JWT that lets in whoever has it. */
type Key = { readonly publicKey: string; readonly isForMqtt: boolean };

const keyOf = ({ publicKey, secret }: EnrolRequest): Key => {
  if (secret !== undefined) return { publicKey: publicKeyOfSecret(secret), isForMqtt: true };
  assertPublicKey(publicKey ?? '');
  return { publicKey: publicKey ?? '', isForMqtt: false };
};

/**
 * How it stands with an enrolment that was asked for with a token.
 *
 * @throws {ReachbackError} `enrolment_token_invalid` also when it was not asked for with this one
 */
export const enrolmentState = async (context: EnrolmentContext, token: string, id: string): Promise<EnrolReply> => {
  const { db } = context;
  const presented = await findPresented(db, token);
  const [asked] = await db<Asked[]>`
    SELECT id, state, token, client_id AS "clientId", public_key AS "publicKey", address
    FROM enrolment WHERE id = ${id} AND token = ${presented?.id ?? null}`;
  const reply = asked && (await replyAgain(context, db, { ...asked, isForMqtt: false }));
  if (!reply) throw invalid();
  return reply;
};

const invalid = () => new ReachbackError('enrolment_token_invalid');

type Decided = { readonly reply: EnrolReply; readonly replaced: readonly string[] };

const decide = async (
  context: EnrolmentContext,
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  token: PresentedToken,
  { clientId, publicKey, address, isForMqtt }: Omit<Enrolling, 'publicKey'> & Key,
): Promise<Decided> => {
  const before = await findAsked(tx, { token: token.id, clientId, publicKey });
  const again = before && (await replyAgain(context, tx, { ...before, isForMqtt }));
  if (again) return { reply: again, replaced: [] };
  if (!token.isUsable) throw invalid();
  if (token.clientId !== null && token.clientId !== clientId) {
    throw new ReachbackError('bad_request', `clientId: this token is for ${token.clientId}`, undefined, 'clientId');
  }
  const replaced = await checkKey(tx, { clientId, publicKey });
  await takeSplit({ tx, append }, { token: token.id, publicKey });
  const asked = { id: randomUUID(), token: token.id, clientId, publicKey, address };
  if (token.approval) {
    const data = { id: asked.id, token: token.id, publicKey, address };
    await append({ type: 'enrolment-requested', client: clientId, data });
    return { reply: pendingReply(asked), replaced: [] };
  }
  await grant(context, append, asked, replaced);
  const key = await findKey(tx, publicKey);
  if (!key) throw new ReachbackError('internal');
  return { reply: approvedReply(context, { ...asked, isForMqtt }, key.expiresAt), replaced };
};

/** The answer that was given before; undefined when the credential has expired since, and the key must enrol anew. */
const replyAgain = async (
  context: EnrolmentContext,
  db: Queryable,
  asked: Asked & Key,
): Promise<EnrolReply | undefined> => {
  if (asked.state === 'pending') return pendingReply(asked);
  const key = asked.state === 'approved' ? await findKey(db, asked.publicKey) : undefined;
  if (!key || key.isRevoked) throw new ReachbackError('enrolment_refused');
  return key.isExpired ? undefined : approvedReply(context, asked, key.expiresAt);
};

type About = Pick<Asked, 'id' | 'clientId' | 'publicKey'>;

const pendingReply = ({ id, clientId, publicKey }: About): EnrolReply => ({
  state: 'pending',
  id,
  clientId,
  publicKey,
  retryAfterSeconds: pendingRetry,
});

const approvedReply = (
  { authority }: EnrolmentContext,
  { id, clientId, publicKey, isForMqtt }: About & Key,
  expiresAt: Date,
): EnrolReply => ({
  state: 'approved',
  id,
  clientId,
  publicKey,
  jwt: (isForMqtt ? authority.issueMqttAgent : authority.issueAgent)({ clientId, publicKey, expiresAt }),
  expiresAt: expiresAt.toISOString(),
  time: new Date().toISOString(),
});
