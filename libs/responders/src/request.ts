import { createHash, randomUUID } from 'node:crypto';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import {
  assertStorable,
  clientIdPattern,
  errorHeader,
  type ErrorReply,
  type FactMeta,
  isReply,
  parsePayload,
  type Payload,
  ReachbackError,
  replyHeader,
  type RequestKind,
  validatePayload,
} from '#contracts';
import type { RequestIdentity } from '#domain';
import { addressOf } from './address.js';
import { CopiedError } from './copied-error.js';

/** The kinds whose reply carries work; `ack` is the other one. */
export type WorkKind = Exclude<RequestKind, 'ack'>;

/** A valid request of an agent. */
export type AgentRequest<K extends RequestKind = RequestKind> = {
  readonly clientId: string;
  readonly kind: K;
  readonly payload: Payload<K>;
  /** What a retry of it has in common with it (G7). */
  readonly identity: RequestIdentity;
  /** Ties it to everything it leads to: in the log of facts, and in the server's. */
  readonly correlation: string;
  /** When this process got it, by its clock; milliseconds. */
  readonly receivedAt: number;
  /** Where the broker says that it comes from; null where the broker asks nobody who he is. */
  readonly address: () => string | null;
  readonly respond: (reply: object) => void;
  readonly refuse: (error: ReachbackError) => void;
};

export type WorkRequest = { [K in WorkKind]: AgentRequest<K> }[WorkKind];
export type AckRequest = AgentRequest<'ack'>;

/** What facts say of the request behind them. */
export const metaOf = ({ identity, correlation }: AgentRequest): FactMeta => ({
  actor: 'agent',
  correlation,
  ...(identity.id === correlation ? {} : { request: identity.id }),
});

/** By it the broker tells that a message comes again. */
export const messageIdHeader = 'Nats-Msg-Id';
const maxMessageId = 128;

/** The client's id in `reachback.v1.<clientId>.<kind>`. */
const clientIdOf = (subject: string): string => {
  const id = subject.split('.')[2] ?? '';
  if (!clientIdPattern.test(id)) throw new ReachbackError('bad_client_id');
  return id;
};

const messageIdOf = (message: Msg): string | undefined =>
  message.headers?.get(messageIdHeader).slice(0, maxMessageId) || undefined;

/** The agent's own id for the request; else one made now, for what has none yet. */
export const correlationOf = (message: Msg): string => messageIdOf(message) ?? randomUUID();

/**
 * The agent's own id for the request, the same on a retry; else the digest of its content, which is as good an id when
 * the agent's time is part of it.
 */
const identityOf = (kind: RequestKind, message: Msg, payload: object): RequestIdentity => {
  const id = messageIdOf(message);
  if (id) {
    assertStorable(id);
    return { id, isUnique: true };
  }
  const digest = createHash('sha256').update(`${kind} `).update(message.data).digest('base64url');
  return { id: `sha256:${digest}`, isUnique: 'time' in payload && payload.time !== undefined };
};

/** `answered` is told once it has its answer; an open broker says nothing of where a message comes from. */
export type Arrival = {
  readonly correlation: string;
  readonly answered: (outcome: 'ok' | ReachbackError) => void;
  readonly isOpen: boolean;
};

/**
 * Reads a message as a request of one kind.
 *
 * @throws {ReachbackError}
 */
export const readRequest = <K extends RequestKind>(
  kind: K,
  message: Msg,
  { correlation, answered, isOpen }: Arrival,
): AgentRequest<K> => {
  const clientId = clientIdOf(message.subject);
  const payload = validatePayload(kind, parsePayload(message.data));
  return {
    clientId,
    kind,
    payload,
    identity: identityOf(kind, message, payload),
    correlation,
    receivedAt: Date.now(),
    address: () => (isOpen ? null : addressOf(message)),
    respond: (reply) => {
      respond(message, reply);
      answered('ok');
    },
    refuse: (error) => {
      refuse(message, error, correlation);
      answered(error);
    },
  };
};

/** Marks an answer as one: should it be led to where agents send, it is known for what it is ({@link isReply}). */
const markedHeaders = (): MsgHdrs => {
  const h = headers();
  h.set(replyHeader, '1');
  return h;
};
const marked = markedHeaders();

/**
 * A message that may be a request: nobody's answer, and with a way to answer it.
 *
 * @throws {ReachbackError}
 */
export const assertRequest = (message: Msg): void => {
  if (isReply(message)) throw new ReachbackError('spoofed');
  if (!message.reply) throw new ReachbackError('bad_request', 'A request needs a subject to which the answer goes.');
};

export const respond = (message: Msg, reply: object): void => {
  message.respond(JSON.stringify(reply), { headers: marked });
};

/** Answers with an error of the catalogue; a message that wants no answer gets none. */
export const refuse = (message: Msg, error: ReachbackError, correlation: string): void => {
  if (!message.reply || isReply(message)) return;
  const { code, message: text, retryAfterSeconds } = error;
  const split = error instanceof CopiedError && error.split ? { split: error.split } : {};
  const reply: ErrorReply = {
    error: { code, message: text, ...(retryAfterSeconds ? { retryAfterSeconds } : {}), correlation, ...split },
  };
  const h = markedHeaders();
  h.set(errorHeader, code);
  message.respond(JSON.stringify(reply), { headers: h });
};
