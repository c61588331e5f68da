/**
 * NATS subjects. Agents use `reachback.v1.<clientId>.<kind>`; what the parts of the server say to each other goes
 * under `reachback.internal.v1`, outside the agents' tree.
 */
const agentPrefix = 'reachback.v1';
const mqttReplyPrefix = 'reachback.reply.v1';
const enrolPrefix = 'reachback.enrol.v1';
const internalPrefix = 'reachback.internal.v1';

/** A client id: one subject token that is also safe in a URL, a file name and a log line. */
export const clientIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Contacts that wait for an answer; no stream may capture them (its PubAck would beat the answer). */
export const requestKinds = ['register', 'start', 'reload', 'poll', 'update', 'ack'] as const;
/** Contacts that are published; the broker stores them, and its PubAck is the receipt. */
export const publishedKinds = ['heartbeat', 'logs', 'stop', 'uninstall'] as const;

export type RequestKind = (typeof requestKinds)[number];
export type PublishedKind = (typeof publishedKinds)[number];
export type ContactKind = RequestKind | PublishedKind;
/** What a client did when the server asked whether it is there (R19). Only the server says so, never an agent. */
export const verificationKinds = ['answered', 'unanswered'] as const;
export type VerificationKind = (typeof verificationKinds)[number];
/** Everything that a lane hears of a client. */
export type LaneKind = ContactKind | VerificationKind;

export const subjects = {
  /** What an agent sends. */
  agent: (clientId: string, kind: ContactKind | 'notify'): string => `${agentPrefix}.${clientId}.${kind}`,
  /** All clients' messages of one kind. */
  allAgents: (kind: ContactKind): string => `${agentPrefix}.*.${kind}`,
  /** An agent asks for a new credential before the one it is connected with expires. No contact: presence is not told. */
  renew: (clientId: string): string => `${agentPrefix}.${clientId}.renew`,
  allRenewals: `${agentPrefix}.*.renew`,
  /** Where a client hears the answer to what it asked over MQTT 3.1.1, which has no reply subjects. */
  mqttReply: (clientId: string, kind: string): string => `${mqttReplyPrefix}.${clientId}.${kind}`,
  allMqttReplies: `${mqttReplyPrefix}.*.*`,
  /** Subjects of at least one token too many. */
  tooDeep: `${agentPrefix}.*.*.>`,
  /** Subjects of the wrong depth: one token too few, or at least one too many. */
  wrongDepth: [`${agentPrefix}.*`, `${agentPrefix}.*.*.>`],
  /** What the server asks direct clients. */
  allNotifications: `${agentPrefix}.*.notify`,
  /** Where a token of enrolment is presented. */
  enrol: (tokenId: string): string => `${enrolPrefix}.${tokenId}`,
  allEnrolments: `${enrolPrefix}.*`,
  /** A contact that reached a responder, or what a verification found, on its way to the lane. */
  relayed: (clientId: string, kind: RequestKind | VerificationKind): string =>
    `${internalPrefix}.contact.${clientId}.${kind}`,
  allRelayed: `${internalPrefix}.contact.*.*`,
  /** The clock of a lane: time passes even when nobody speaks. */
  tick: `${internalPrefix}.tick`,
  /** Answered by the owner of a lane: exact last contacts. */
  presence: (lane: number): string => `${internalPrefix}.presence.${lane}`,
  /** Published by the owner of a lane after each commit. */
  committed: (lane: number): string => `${internalPrefix}.committed.${lane}`,
  allCommitted: `${internalPrefix}.committed.*`,
} as const;

/** The stream that stores what agents publish, what responders relay, and the ticks. */
export const contactStream = {
  name: 'REACHBACK_CONTACTS',
  subjects: [...publishedKinds.map((kind) => subjects.allAgents(kind)), subjects.allRelayed, subjects.tick],
} as const;

/** The largest payload an agent may send, in bytes. */
export const maxPayloadBytes = 64 * 1024;
/** The same with room for headers, which the broker counts too. */
export const maxMessageBytes = maxPayloadBytes + 1024;
