import {
  clientIdPattern,
  isReceipt,
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

/** An agent may only publish; what comes from responders is theirs to judge. */
const agentKinds: ReadonlySet<string> = new Set(publishedKinds);
const allKinds: ReadonlySet<string> = new Set([...publishedKinds, ...requestKinds, ...verificationKinds]);
const isKind = (text: string, isRelayed: boolean): text is LaneKind => (isRelayed ? allKinds : agentKinds).has(text);

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

const laneTick = /^reachback\.internal\.v1\.lane\.\d+\.tick$/;

export const isTick = ({ subject }: SourceMessage): boolean =>
  subject.endsWith('.tick') && (subject === subjects.tick || laneTick.test(subject));

/**
 * Reads a message that is neither a tick nor a probe.
 *
 * @throws {ReachbackError} when it is not what an agent may send
 */
export const decodeContact = ({ subject, data, isReply }: SourceMessage): DecodedContact => {
  if (isReply) throw new ReachbackError('spoofed');
  // `….contact.<clientId>.<kind>` was passed on; `….<clientId>.<kind>` comes from an agent, with or without a lane.
  const dot = subject.lastIndexOf('.');
  const start = subject.lastIndexOf('.', dot - 1);
  const clientId = subject.slice(start + 1, dot);
  const kind = subject.slice(dot + 1);
  const isRelayed = subject.endsWith('.contact', start);
  if (!isKind(kind, isRelayed)) throw new ReachbackError('bad_subject');
  if (!clientIdPattern.test(clientId)) throw new ReachbackError('bad_client_id');
  if (data.length === 0) return { clientId, kind, ...bare };
  const payload = parsePayload(data);
  if (isReceipt(payload)) throw new ReachbackError('spoofed');
  if (kind === 'logs') return { clientId, kind, ...bare, content: payload };
  if (kind === 'unanswered')
    return { clientId, kind, ...bare, asked: Date.parse(unansweredSchema.parse(payload).asked) };
  if (kind === 'answered') return { clientId, kind, ...bare };
  const shape = isRelayed ? 'heartbeat' : kind;
  const report = validatePayload(shape, payload);
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
