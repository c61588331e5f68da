import type { ContactKind, Status, Transition } from './history.js';
import type { Policy } from './policy.js';

/** Something of a client that was heard at a time, and whether it counted for its presence when it was (R3, R4, R16). */
export type Heard = { readonly at: number; readonly what: ContactKind | 'answered'; readonly counts: boolean };

/** What a client was granted, under a revision of its settings. */
export type Grant = { readonly revision: number; readonly policy: Policy };

/** A client as an administrator could write it down: everything that ever happened to it, in lists. */
export type Client = {
  readonly id: string;
  readonly listed: boolean;
  readonly group: string;
  readonly ips: readonly string[];
  /** The unreachable network it is in; null: it is direct (R1). */
  readonly network: string | null;
  readonly heard: readonly Heard[];
  /** What it was granted, up to now, since it acknowledged something last: it may act on any of these (G3). */
  readonly grants: readonly Grant[];
  /** Since when it is expected to speak (R5); null while it is not. */
  readonly expectedSince: number | null;
  /** The limit that it is under was not in force before. */
  readonly limitSince: number;
  readonly history: readonly Transition[];
};

/** A client nobody has heard of. */
export function unknown(id: string): Client {
  const nothing = { heard: [], grants: [], expectedSince: null, limitSince: 0, history: [] };
  return { id, listed: false, group: '', ips: [], network: null, ...nothing };
}

/** What it is granted now. */
export function granted({ id, grants }: Client): Policy {
  const grant = grants.at(-1);
  if (!grant) throw new Error(`${id} was never granted anything`);
  return grant.policy;
}

/** R2 */
export function status({ network }: Client, online: boolean): Status {
  const word = online ? 'Online' : 'Offline';
  return network === null ? word : `Unreachable/${word}`;
}

export function isOnline({ listed, history }: Client): boolean {
  return listed && (history.at(-1)?.status.endsWith('Online') ?? false);
}

export function isOffline(client: Client): boolean {
  return client.listed && !isOnline(client);
}

/** When it last went from online to offline; a change of the network in between is none (R1). */
export function offlineSince({ history }: Client): number {
  const lastOnline = history.findLastIndex(({ status }) => status.endsWith('Online'));
  return history[lastOnline + 1]?.at ?? 0;
}

/** Writes into the history what is a change, or news of its own. */
export function record(client: Client, at: number, online: boolean, cause: string): Client {
  return { ...client, history: [...client.history, { at, status: status(client, online), cause }] };
}

export function putOnline(client: Client, at: number, cause: string): Client {
  return isOnline(client) ? client : record(client, at, true, cause);
}

export function putOffline(client: Client, at: number, cause: string): Client {
  return isOnline(client) ? record(client, at, false, cause) : client;
}

/** Whether heartbeat or polling is granted to a client that the server cannot dial (R6, R7). */
export function mayReport({ heartbeat, poll }: Policy): boolean {
  return heartbeat.enabled || poll.enabled;
}

/** R5: an unreachable client granted heartbeat or polling, a direct one granted heartbeat by "all clients". */
export function expectedToSpeak(client: Client): boolean {
  const policy = granted(client);
  return client.network === null ? policy.heartbeat.enabled && policy.heartbeat.scope === 'all' : mayReport(policy);
}

/** Whether a contact proves the client online and moves its silence limit (R3, R4, R16). */
export function counts(client: Client, kind: ContactKind): boolean {
  if (kind === 'stop' || kind === 'uninstall') return false;
  if (client.network === null || isConnecting(kind)) return true;
  if (kind === 'heartbeat') return granted(client).heartbeat.enabled;
  return kind === 'poll' && granted(client).poll.enabled;
}

/** R6 */
export function isConnecting(kind: ContactKind): kind is 'register' | 'start' | 'reload' {
  return kind === 'register' || kind === 'start' || kind === 'reload';
}
