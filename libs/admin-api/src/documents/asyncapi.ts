import { z } from 'zod';
import {
  ackReplySchema,
  type ContactKind,
  enrolReplySchema,
  enrolRequestSchema,
  errorReplySchema,
  notifySchema,
  payloadSchemas,
  renewReplySchema,
  renewRequestSchema,
  requestKinds,
  subjects,
  workReplySchema,
} from '#contracts';

const requests: ReadonlySet<string> = new Set(requestKinds);
const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });

const replyOf = (kind: ContactKind) => (kind === 'ack' ? schemaOf(ackReplySchema) : schemaOf(workReplySchema));

/** What an agent's author has to know beyond the schemas. */
const descriptions: Partial<Record<ContactKind, string>> = {
  register:
    'After installation. A client that is known already starts anew: it has what it reports and nothing else. Its name, ' +
    'group and labels stay as they are, for an administrator may have set them.',
  poll:
    'Brings what is undelivered now, newest and nothing else. `more` says that some was never sent yet: poll again at ' +
    'once. What failed, or was not acknowledged, comes again with later polls. What is reported as installed settles ' +
    'the queue though its acknowledgement was lost; reporting less than was acknowledged fails it, to be sent again.',
  ack: 'Acknowledge until it is accepted; sent again it changes nothing, and neither does what was overtaken.',
};

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

const requestChannel = (address: string, description: string, payload: z.ZodType, reply: z.ZodType) => ({
  address,
  description,
  messages: {
    request: { payload: schemaOf(payload) },
    reply: { payload: schemaOf(reply) },
    error: { payload: schemaOf(errorReplySchema) },
  },
});
const requestOperation = (channel: string) => ({
  action: 'receive',
  channel: { $ref: `#/channels/${channel}` },
  messages: [{ $ref: `#/channels/${channel}/messages/request` }],
  reply: {
    address: { location: '$message.header#/reply' },
    channel: { $ref: `#/channels/${channel}` },
    messages: [{ $ref: `#/channels/${channel}/messages/reply` }, { $ref: `#/channels/${channel}/messages/error` }],
  },
});

/** How an agent comes by its credential, and keeps one; no contacts: presence is told of none of it. */
const credentialChannels = {
  enrol: {
    ...requestChannel(
      'reachback.enrol.v1.{tokenId}',
      'Present a token of enrolment. Connect with the JWT that is the last three parts of the token, no signature, and ' +
        'the inbox prefix _INBOX.<tokenId>. The same request again gets the same answer, and uses the token no second ' +
        'time. `pending`: an administrator has to approve; ask again after `retryAfterSeconds`.',
      enrolRequestSchema,
      enrolReplySchema,
    ),
    parameters: { tokenId: { description: 'the first part of the token' } },
  },
  renew: {
    ...requestChannel(
      'reachback.v1.{clientId}.renew',
      'Ask for the same key’s next credential, after two thirds of the lifetime of the one that is used to ask.',
      renewRequestSchema,
      renewReplySchema,
    ),
    parameters,
  },
};

/** Over MQTT 3.1.1 there are no reply subjects: what was asked says where its answer comes. */
const mqttReplyChannel = {
  address: subjects.mqttReply('{clientId}', '{kind}'),
  parameters: {
    ...parameters,
    kind: { description: 'of the request that is answered', enum: [...requestKinds, 'renew'] },
  },
  description:
    'Sent by the server to clients that speak MQTT 3.1.1, where it is the topic reachback/reply/v1/{clientId}/{kind}; ' +
    'to be subscribed to with QoS 0. Requests are answered one after the other.',
  messages: {
    work: { description: 'to register, start, reload, poll and update', payload: schemaOf(workReplySchema) },
    ack: { payload: schemaOf(ackReplySchema) },
    renew: { payload: schemaOf(renewReplySchema) },
    error: { payload: schemaOf(errorReplySchema) },
  },
};
const mqttReplyOperation = {
  action: 'send',
  channel: { $ref: '#/channels/mqttReply' },
  messages: Object.keys(mqttReplyChannel.messages).map((name) => ({ $ref: `#/channels/mqttReply/messages/${name}` })),
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
        'receipt: stored durably. A retry carries the Nats-Msg-Id of the request before it, or the same content with ' +
        'its `time`: it is answered and recorded once. Without either, the same content within ten seconds is a retry. ' +
        'Take random ids: those of all clients are compared with each other. Over WebSocket all of this holds as it is. Over ' +
        'MQTT 3.1.1 a subject is a topic with / in the place of dots (reachback/v1/<clientId>/<kind>), there are neither ' +
        'headers nor notifications, and answers come as mqttReply says.',
    },
    defaultContentType: 'application/json',
    channels: {
      notify: notifyChannel,
      mqttReply: mqttReplyChannel,
      ...credentialChannels,
      ...Object.fromEntries(
        kinds.map((kind) => [
          kind,
          {
            address: `reachback.v1.{clientId}.${kind}`,
            parameters,
            messages: {
              [kind]: { description: descriptions[kind], payload: schemaOf(payloadSchemas[kind]) },
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
      mqttReply: mqttReplyOperation,
      enrol: requestOperation('enrol'),
      renew: requestOperation('renew'),
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
