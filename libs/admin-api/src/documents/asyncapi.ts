import { z } from 'zod';
import {
  ackReplySchema,
  type ContactKind,
  errorReplySchema,
  notifySchema,
  payloadSchemas,
  requestKinds,
  workReplySchema,
} from '#contracts';

const requests: ReadonlySet<string> = new Set(requestKinds);
const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });

const replyOf = (kind: ContactKind) => (kind === 'ack' ? schemaOf(ackReplySchema) : schemaOf(workReplySchema));

const parameters = { clientId: { description: '1 to 64 characters of A-Z a-z 0-9 _ -' } };

/** What the server asks direct clients, and never an unreachable one (R17, R18, R19). */
const notifyChannel = {
  address: 'reachback.v1.{clientId}.notify',
  parameters,
  description:
    'Sent by the server, to direct clients alone. `settings` and `update`: there is something to fetch by a poll. ' +
    '`verify`: is the client there? Any reply is an answer; it is waited for five seconds.',
  messages: {
    notify: { payload: schemaOf(notifySchema) },
    answer: { description: 'anything, also nothing', payload: {} },
  },
};
const notifyOperation = {
  action: 'send',
  channel: { $ref: '#/channels/notify' },
  messages: [{ $ref: '#/channels/notify/messages/notify' }],
  reply: {
    address: { location: '$message.header#/reply' },
    channel: { $ref: '#/channels/notify' },
    messages: [{ $ref: '#/channels/notify/messages/answer' }],
  },
};

/** What agents and server say to each other over NATS, as AsyncAPI 3.0, made from the schemas that validate it. */
export const asyncApiDocument = (version: string) => {
  const kinds = Object.keys(payloadSchemas) as ContactKind[];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Reachback agents',
      version,
      description:
        'Agents publish to reachback.v1.<clientId>.<kind>; an empty payload is {}. Requests are answered, also with an ' +
        'error. heartbeat, logs, stop and uninstall are published; sent as a request, the answer is the broker’s ' +
        'receipt: stored durably.',
    },
    defaultContentType: 'application/json',
    channels: {
      notify: notifyChannel,
      ...Object.fromEntries(
        kinds.map((kind) => [
          kind,
          {
            address: `reachback.v1.{clientId}.${kind}`,
            parameters,
            messages: {
              [kind]: { payload: schemaOf(payloadSchemas[kind]) },
              ...(requests.has(kind)
                ? { reply: { payload: replyOf(kind) }, error: { payload: schemaOf(errorReplySchema) } }
                : {}),
            },
          },
        ]),
      ),
    },
    operations: {
      notify: notifyOperation,
      ...Object.fromEntries(
        kinds.map((kind) => [
          kind,
          {
            action: 'receive',
            channel: { $ref: `#/channels/${kind}` },
            messages: [{ $ref: `#/channels/${kind}/messages/${kind}` }],
            ...(requests.has(kind)
              ? {
                  reply: {
                    address: { location: '$message.header#/reply' },
                    channel: { $ref: `#/channels/${kind}` },
                    messages: [
                      { $ref: `#/channels/${kind}/messages/reply` },
                      { $ref: `#/channels/${kind}/messages/error` },
                    ],
                  },
                }
              : {}),
          },
        ]),
      ),
    },
  };
};
