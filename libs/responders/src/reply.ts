import type { WorkReply } from '#contracts';
import { formatDuration, grantOf, inSendingOrder, packReply, phaseOf, type Policy, type Release } from '#domain';
import type { EffectiveCache } from './effective.js';
import type { ClientRow, OpenWork } from './read-clients.js';
import type { WorkRequest } from './request.js';

/** A reply without work, and why: to a client that two machines speak as. */
export const composeWithheld = (
  request: WorkRequest,
  row: ClientRow,
  cache: EffectiveCache,
  why: string,
): WorkReply => {
  const { reply } = composeReply(request, row, [], cache);
  return { ...reply, warnings: [why] };
};

/** A reply, and the work it carries. */
export type Composed = { readonly reply: WorkReply; readonly sent: readonly OpenWork[] };

/** Composes a reply at the moment of the request: what is wanted now, newest and nothing else (G4). */
export const composeReply = (
  request: WorkRequest,
  row: ClientRow,
  open: readonly OpenWork[],
  cache: EffectiveCache,
): Composed => {
  const { values, policy } = cache.of(row);
  const network = networkOf(request, row, cache);
  const now = new Date();
  const openSettings = open.find((work) => work.kind === 'settings' && work.isDeliverable);
  const settings = openSettings ? { revision: openSettings.revision, values } : null;
  const packed = packReply(settings, inSendingOrder(open.filter(isUpdateToSend), request.identity, now));
  const reply: WorkReply = {
    time: now.toISOString(),
    policy: grantedPolicy(policy, row.ordinal, network),
    settings: packed.settings,
    updates: packed.updates.map(({ update }) => update),
    more: packed.more,
    warnings: [],
  };
  return { reply, sent: [...(openSettings ? [openSettings] : []), ...packed.updates] };
};

const isUpdateToSend = (work: OpenWork): work is OpenWork & { readonly update: Release } =>
  work.update !== null && work.isDeliverable;

/** Where the client is: by the addresses it reports now, else as presence has it, else by those it registered with. */
const networkOf = ({ payload }: WorkRequest, row: ClientRow, cache: EffectiveCache): 'direct' | 'unreachable' =>
  payload.ips ? cache.classify(payload.ips) : (row.network ?? cache.classify(row.ips));

/** The policy as granted to this client, with its place in the interval (G9). */
const grantedPolicy = (policy: Policy, ordinal: number, network: 'direct' | 'unreachable'): WorkReply['policy'] => {
  const grant = grantOf(policy, network);
  const interval = grant.heartbeat ? policy.heartbeat.interval : policy.poll.interval;
  return {
    heartbeat: { enabled: grant.heartbeat, interval: formatDuration(policy.heartbeat.interval) },
    poll: { enabled: grant.poll, interval: formatDuration(policy.poll.interval) },
    offlineAfter: formatDuration(policy.offlineAfter),
    phase: formatDuration(phaseOf(ordinal, interval)),
  };
};
