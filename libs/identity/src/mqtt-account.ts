import { createLanes, maxMessageBytes, publishedKinds, requestKinds, subjects } from '#contracts';
import {
  account,
  mappedServices,
  mappingsOf,
  nothing,
  offer,
  revocationsOf,
  unlimited,
  use,
  type Version,
} from './account.js';
import type { UserPermissions } from './claims.js';
import type { Keys } from './keys.js';

const kinds = [...publishedKinds, ...requestKinds];

/**
 * What a client may do over MQTT. Its JWT is its password, so it must be good for MQTT alone; that is why it says all
 * this itself: NATS 2.9 does not look at the protocols that a scoped key allows. It may publish to whole subjects only:
 * each may hold one retained message, and with a pattern an agent could keep as many as it likes.
 */
export const mqttPermissions = (clientId: string, lanes: number): UserPermissions => ({
  pub: {
    allow: [
      ...kinds.map((kind) => subjects.agent(clientId, kind)),
      subjects.renew(clientId),
      ...(lanes > 1 ? publishedKinds.map((kind) => createLanes(lanes).published(clientId, kind)) : []),
    ],
  },
  sub: { allow: [subjects.mqttReply(clientId, '*')] },
  subs: 16,
  data: -1,
  payload: maxMessageBytes,
  bearer_token: true,
  allowed_connection_types: ['MQTT'],
});

/** What the broker keeps of MQTT sessions and retained messages, in bytes, for all of them together. */
const storage = 1_000_000_000;

/** What agents may ask for over MQTT; they enrol over HTTP. */
const services = (lanes: number) => [
  ...kinds.map((kind) => subjects.allAgents(kind)),
  subjects.allRenewals,
  ...mappedServices(lanes),
];

/**
 * The account of the agents that speak MQTT. The broker keeps their sessions in JetStream, and so the account has one; in
 * it is nothing of the server's (ADR 0013).
 */
export const mqttAccountJwt = (
  keys: Keys,
  lanes: number,
  revocations: ReadonlyMap<string, Date>,
  version?: Version,
): string =>
  account('MQTT', keys, keys.mqtt, version, {
    limits: { ...unlimited, mem_storage: 0, disk_storage: storage, streams: -1, consumer: -1 },
    default_permissions: nothing,
    exports: [subjects.allMqttReplies].map(offer),
    imports: services(lanes).map(use(keys.server.publicKey)),
    ...revocationsOf(revocations),
    ...mappingsOf(lanes),
  });
