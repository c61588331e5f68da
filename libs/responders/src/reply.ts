import type { WorkReply } from '#contracts';
import { formatDuration, grantOf, packReply, phaseOf, type Policy } from '#domain';
import type { EffectiveCache } from './effective.js';
import type { ClientRow, OpenWork } from './read-clients.js';
import type { WorkRequest } from './request.js';

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
  const openSettings = open.find((work) => work.kind === 'settings');
  const settings = openSettings ? { revision: openSettings.revision, values } : null;
  const updates = open.flatMap((work) => (work.update ? [{ ...work.update, work }] : []));
  const packed = packReply(settings, updates);
  const reply: WorkReply = {
    time: new Date().toISOString(),
    policy: grantedPolicy(policy, row.ordinal, network),
    settings: packed.settings,
    updates: packed.updates.map(({ work: _, ...update }) => update),
    more: packed.more,
    warnings: [],
  };
  return { reply, sent: [...(openSettings ? [openSettings] : []), ...packed.updates.map(({ work }) => work)] };
};

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
