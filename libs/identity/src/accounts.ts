import { mappedSubjects, maxMessageBytes, publishedKinds, requestKinds, subjects } from '#contracts';
import {
  account,
  fromTheBeginning,
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
import { mqttAccountJwt } from './mqtt-account.js';

const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

const seconds = (count: number): number => count * 1e9;

/** Who may speak MQTT has an account for it. */
const notMqtt = ['STANDARD', 'WEBSOCKET'] as const;

/** What every agent may do: speak for itself, and hear what is for it. `{{name()}}` is the name in its JWT. */
const agentPermissions: UserPermissions = {
  pub: {
    allow: ['reachback.v1.{{name()}}.>', mappedSubjects.agent('{{name()}}')],
    // To itself it could give a reply subject of its choice, and would then be allowed to answer there.
    deny: ['reachback.v1.{{name()}}.notify'],
  },
  sub: { allow: ['_INBOX.{{name()}}.>', 'reachback.v1.{{name()}}.notify'] },
  resp: { max: 1, ttl: seconds(10) },
  subs: 16,
  data: -1,
  payload: maxMessageBytes,
  allowed_connection_types: notMqtt,
};

/** Whoever has a token of enrolment may present it, and hear the answer. */
const enrolmentPermissions: UserPermissions = {
  pub: { allow: [subjects.enrol('{{name()}}')] },
  sub: { allow: ['_INBOX.{{name()}}.>'] },
  subs: 4,
  data: -1,
  payload: maxMessageBytes,
  bearer_token: true,
  allowed_connection_types: notMqtt,
};

/** Below `_INBOX`, where a simulated fleet hears its answers. */
export const fleetInbox = 'fleet';

/** A simulated fleet speaks for as many as it likes: its user is made by who holds the keys, for himself. */
export const fleetPermissions: UserPermissions = {
  pub: { allow: ['reachback.v1.*.>', mappedSubjects.agent('*')], deny: ['reachback.v1.*.notify'] },
  sub: { allow: [`_INBOX.${fleetInbox}.>`, 'reachback.v1.*.notify'] },
  resp: { max: 1, ttl: seconds(10) },
  subs: -1,
  data: -1,
  payload: -1,
};

/** The server's part of the system account: to bring accounts up to date, and to hear who connects. */
export const systemPermissions: UserPermissions = {
  pub: { allow: ['$SYS.REQ.>'] },
  sub: { allow: ['_INBOX.>', '$SYS.ACCOUNT.>'] },
};

/** What agents may ask for: each crosses over to the server as a request, and its answer as one (ADR 0011). */
const servicesOfServer = (lanes: number): readonly string[] => [
  ...[...requestKinds, ...publishedKinds].map((kind) => subjects.allAgents(kind)),
  subjects.tooDeep,
  subjects.allEnrolments,
  subjects.allRenewals,
  ...mappedServices(lanes),
];

/** Requests of agents, by hand of which the broker says where they come from; in beats it would be a kilobyte each. */
const requestSubjects: ReadonlySet<string> = new Set(requestKinds.map((kind) => subjects.allAgents(kind)));
const useOfServer = (account: string) => (subject: string) =>
  requestSubjects.has(subject) ? { ...use(account)(subject), share: true } : use(account)(subject);

const systemAccount = (keys: Keys): string =>
  account('SYS', keys, keys.system, fromTheBeginning, { limits: unlimited });

/** The account of the server, which has the stream and all that is internal. */
export const serverAccountJwt = (keys: Keys, lanes: number, version?: Version): string =>
  account('SERVER', keys, keys.server, version, {
    limits: { ...unlimited, ...jetStream },
    exports: servicesOfServer(lanes).map(offer),
    imports: [
      ...[subjects.allNotifications].map(use(keys.agents.publicKey)),
      ...[subjects.allMqttReplies].map(use(keys.mqtt.publicKey)),
    ],
    // For the message by which a server sees whether lanes are mapped.
    ...mappingsOf(lanes),
  });

/** The account of the agents. It has no JetStream, so nothing in it answers to a request of its API. */
export const agentsAccountJwt = (
  keys: Keys,
  lanes: number,
  revocations: ReadonlyMap<string, Date>,
  version?: Version,
): string =>
  account('AGENTS', keys, keys.agents, version, {
    limits: unlimited,
    default_permissions: nothing,
    signing_keys: [
      { kind: 'user_scope', key: keys['agents-agent'].publicKey, role: 'agent', template: agentPermissions },
      {
        kind: 'user_scope',
        key: keys['agents-enrolment'].publicKey,
        role: 'enrolment',
        template: enrolmentPermissions,
      },
    ],
    exports: [subjects.allNotifications].map(offer),
    imports: servicesOfServer(lanes).map(useOfServer(keys.server.publicKey)),
    ...revocationsOf(revocations),
    ...mappingsOf(lanes),
  });

/** The accounts that a broker begins with, by public key. */
export const firstAccounts = (keys: Keys, lanes: number): ReadonlyMap<string, string> =>
  new Map([
    [keys.system.publicKey, systemAccount(keys)],
    [keys.server.publicKey, serverAccountJwt(keys, lanes, fromTheBeginning)],
    [keys.agents.publicKey, agentsAccountJwt(keys, lanes, new Map(), fromTheBeginning)],
    [keys.mqtt.publicKey, mqttAccountJwt(keys, lanes, new Map(), fromTheBeginning)],
  ]);
