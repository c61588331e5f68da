import { headers, type Msg } from '@nats-io/transport-node';
import {
  clientIdPattern,
  errorHeader,
  type ErrorReply,
  parsePayload,
  type Payload,
  ReachbackError,
  type RequestKind,
  validatePayload,
} from '#contracts';

/** The kinds whose reply carries work; `ack` is the other one. */
export type WorkKind = Exclude<RequestKind, 'ack'>;

/** A valid request of an agent. */
export type AgentRequest<K extends RequestKind = RequestKind> = {
  readonly clientId: string;
  readonly kind: K;
  readonly payload: Payload<K>;
  /** The agent's own id for the request, the same on a retry (G7). */
  readonly messageId: string | null;
  readonly respond: (reply: object) => void;
  readonly refuse: (error: ReachbackError) => void;
};

export type WorkRequest = { [K in WorkKind]: AgentRequest<K> }[WorkKind];
export type AckRequest = AgentRequest<'ack'>;

const messageIdHeader = 'Nats-Msg-Id';
const maxMessageId = 128;

/** The client's id in `reachback.v1.<clientId>.<kind>`. */
const clientIdOf = (subject: string): string => {
  const id = subject.split('.')[2] ?? '';
  if (!clientIdPattern.test(id)) throw new ReachbackError('bad_client_id');
  return id;
};

/**
 * Reads a message as a request of one kind.
 *
 * @throws {ReachbackError}
 */
export const readRequest = <K extends RequestKind>(kind: K, message: Msg): AgentRequest<K> => ({
  clientId: clientIdOf(message.subject),
  kind,
  payload: validatePayload(kind, parsePayload(message.data)),
  messageId: message.headers?.get(messageIdHeader).slice(0, maxMessageId) || null,
  respond: (reply) => void message.respond(JSON.stringify(reply)),
  refuse: (error) => refuse(message, error),
});

/** Answers with an error of the catalogue; a message that wants no answer gets none. */
export const refuse = (message: Msg, error: ReachbackError): void => {
  if (!message.reply) return;
  const { code, message: text, retryAfterSeconds } = error;
  const reply: ErrorReply = { error: { code, message: text, ...(retryAfterSeconds ? { retryAfterSeconds } : {}) } };
  const h = headers();
  h.set(errorHeader, code);
  message.respond(JSON.stringify(reply), { headers: h });
};
