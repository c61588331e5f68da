import type { Grant } from './policy.js';

/** What an agent may send, as far as the rules of presence care. */
export type ContactKind =
  'register' | 'start' | 'reload' | 'heartbeat' | 'poll' | 'update' | 'ack' | 'logs' | 'stop' | 'uninstall';

/** What the server found when it asked a direct client whether it is there (R19). */
export type Finding = 'answered' | 'unanswered';
export type LaneKind = ContactKind | Finding;

export type NetworkClass = 'direct' | 'unreachable';
export type Status = 'Online' | 'Offline' | 'Unreachable/Online' | 'Unreachable/Offline';
export type TransitionCause =
  | 'registered'
  | 'started'
  | 'reloaded'
  | 'heartbeat'
  | 'poll'
  | 'update'
  | 'logs'
  | 'ack'
  | 'silence'
  | 'no-route'
  | 'stopped'
  | 'uninstalled'
  | 'inactive'
  | 'verification'
  | 'network-changed'
  | 'policy-changed';

/** A client turned online or offline. */
export type Turn = { readonly online: boolean; readonly cause: TransitionCause };

/** R2. */
export const statusOf = (network: NetworkClass, online: boolean): Status =>
  network === 'direct' ? (online ? 'Online' : 'Offline') : online ? 'Unreachable/Online' : 'Unreachable/Offline';

/** The contacts by which a client connects (R6). */
const isConnecting = (kind: LaneKind): boolean => kind === 'register' || kind === 'start' || kind === 'reload';

const isGoodbye = (kind: LaneKind): boolean => kind === 'stop' || kind === 'uninstall';

const onlineCauses = {
  register: 'registered',
  start: 'started',
  reload: 'reloaded',
  heartbeat: 'heartbeat',
  poll: 'poll',
  update: 'update',
  ack: 'ack',
  logs: 'logs',
  answered: 'verification',
} as const;

/** Whether silence of the client means anything (R5). */
export const isExpectedToSpeak = (network: NetworkClass, grant: Grant): boolean =>
  network === 'unreachable' ? grant.heartbeat || grant.poll : grant.heartbeat;

/**
 * Whether a contact proves the client online and moves its silence limit. For an unreachable client: granted beats
 * and polls and the connecting contacts, nothing else (R3, R4, R16). For a direct one: all but a goodbye (R4), and its
 * answer to a verification (R19).
 */
export const provesOnline = (kind: LaneKind, network: NetworkClass, grant: Grant): boolean => {
  if (isGoodbye(kind) || kind === 'unanswered') return false;
  if (network === 'direct' || isConnecting(kind)) return true;
  if (kind === 'heartbeat') return grant.heartbeat;
  return kind === 'poll' && grant.poll;
};

const none: readonly Turn[] = [];

/** The turns that a contact, or what a verification found, causes, in order. */
export const turnsOnContact = (
  kind: LaneKind,
  client: { readonly online: boolean; readonly network: NetworkClass; readonly grant: Grant },
): readonly Turn[] => {
  if (kind === 'uninstall') return [{ online: false, cause: 'uninstalled' }];
  if (kind === 'stop') return client.online ? [{ online: false, cause: 'stopped' }] : none;
  if (kind === 'unanswered') {
    return client.online && client.network === 'direct' ? [{ online: false, cause: 'verification' }] : none;
  }
  if (!provesOnline(kind, client.network, client.grant)) return none;
  const noRoute =
    isConnecting(kind) && client.network === 'unreachable' && !isExpectedToSpeak(client.network, client.grant);
  if (client.online && !noRoute) return none;
  const online: Turn = { online: true, cause: onlineCauses[kind] };
  return noRoute ? [online, { online: false, cause: 'no-route' }] : [online];
};

/** Withdrawing both heartbeat and polling from an online unreachable client puts it offline (R7). */
export const turnsOnGrant = (
  client: { readonly online: boolean; readonly network: NetworkClass },
  before: Grant,
  after: Grant,
): readonly Turn[] =>
  client.online &&
  client.network === 'unreachable' &&
  isExpectedToSpeak('unreachable', before) &&
  !isExpectedToSpeak('unreachable', after)
    ? [{ online: false, cause: 'policy-changed' }]
    : none;

/** How many clients may be removed as inactive within how much time (R8), in milliseconds of the log's time. */
export const inactiveRemovals = { limit: 1_000, window: 3_600_000 } as const;

/**
 * When the next inactive client may be removed, given the times of those removed before, oldest first; 0 is at once
 * (R8). A lane that decides for a part of the fleet has a part of the limit.
 */
export const nextRemoval = (removedAt: readonly number[], limit: number = inactiveRemovals.limit): number => {
  const oldest = removedAt.at(-limit);
  return oldest === undefined ? 0 : oldest + inactiveRemovals.window;
};

/**
 * Whether silence has lasted longer than allowed. `deadline` and `now` are milliseconds of the log's time. A contact
 * that arrives exactly at the deadline is still in time: never sooner (R5).
 */
export const isOverdue = (deadline: number, now: number): boolean => deadline < now;
