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
  /** Of a request that a responder passed on: what ties it to everything it led to. */
  readonly correlation: string | undefined;
  /** What `logs` carried. */
  readonly content: unknown;
};

const bare = {
  ips: undefined,
  settingsRevision: undefined,
  agentTime: undefined,
  asked: undefined,
  correlation: undefined,
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
  const isRelayed = prefix === relayPrefix;
  const report = validatePayload(isRelayed ? 'heartbeat' : kind, payload);
  const ips = 'ips' in report ? report.ips : undefined;
  const settingsRevision = 'settingsRevision' in report ? report.settingsRevision : undefined;
  const time = 'time' in report && report.time !== undefined ? Date.parse(report.time) : undefined;
  const correlation = isRelayed ? correlationOf(payload) : undefined;
  return { clientId, kind, ...bare, ips, settingsRevision, agentTime: time, correlation };
};

const correlationOf = (payload: unknown): string | undefined =>
  typeof payload === 'object' && payload !== null && 'correlation' in payload && typeof payload.correlation === 'string'
    ? payload.correlation
    : undefined;
