import {
  clientIdPattern,
  type LaneKind,
  parsePayload,
  publishedKinds,
  ReachbackError,
  requestKinds,
  subjects,
  unansweredSchema,
  validatePayload,
  verificationKinds,
} from '#contracts';
import type { SourceMessage } from './source.js';

const agentPrefix = 'reachback.v1.';
const relayPrefix = 'reachback.internal.v1.contact.';
const kinds: ReadonlySet<string> = new Set([...publishedKinds, ...requestKinds, ...verificationKinds]);
const isKind = (text: string): text is LaneKind => kinds.has(text);

/** A contact as the lane needs it. */
export type DecodedContact = {
  readonly clientId: string;
  readonly kind: LaneKind;
  readonly ips: readonly string[] | undefined;
  /** The settings that a beat says the client has. */
  readonly settingsRevision: string | undefined;
  /** The agent's clock, in milliseconds since 1970. */
  readonly agentTime: number | undefined;
  /** When a client that is `unanswered` was asked, likewise. */
  readonly asked: number | undefined;
  /** What `logs` carried. */
  readonly content: unknown;
};

const bare = {
  ips: undefined,
  settingsRevision: undefined,
  agentTime: undefined,
  asked: undefined,
  content: undefined,
};

export const isTick = (message: SourceMessage): boolean => message.subject === subjects.tick;

/**
 * Reads a message that is not a tick.
 *
 * @throws {ReachbackError} when it is not what an agent may send
 */
export const decodeContact = ({ subject, data }: SourceMessage): DecodedContact => {
  const prefix = subject.startsWith(relayPrefix) ? relayPrefix : agentPrefix;
  const dot = subject.lastIndexOf('.');
  const clientId = subject.slice(prefix.length, dot);
  const kind = subject.slice(dot + 1);
  if (!isKind(kind)) throw new ReachbackError('bad_subject');
  if (!clientIdPattern.test(clientId)) throw new ReachbackError('bad_client_id');
  if (data.length === 0) return { clientId, kind, ...bare };
  const payload = parsePayload(data);
  if (kind === 'logs') return { clientId, kind, ...bare, content: payload };
  if (kind === 'unanswered')
    return { clientId, kind, ...bare, asked: Date.parse(unansweredSchema.parse(payload).asked) };
  if (kind === 'answered') return { clientId, kind, ...bare };
  const shape = prefix === relayPrefix ? 'heartbeat' : kind;
  const report = validatePayload(shape, payload);
  const ips = 'ips' in report ? report.ips : undefined;
  const settingsRevision = 'settingsRevision' in report ? report.settingsRevision : undefined;
  const time = 'time' in report && report.time !== undefined ? Date.parse(report.time) : undefined;
  return { clientId, kind, ...bare, ips, settingsRevision, agentTime: time };
};
