import {
  type Client,
  counts,
  expectedToSpeak,
  granted,
  isConnecting,
  isOnline,
  mayReport,
  putOffline,
  putOnline,
  record,
} from './client.js';
import type { Contact, UnreachableNetwork } from './history.js';
import { networkOf } from './networks.js';
import { couldBeHeard, type Outages } from './outages.js';
import { effectivePolicy, type LevelSettings } from './policy.js';

/** What the administrators have set so far. */
export type World = { readonly levels: readonly LevelSettings[]; readonly networks: readonly UnreachableNetwork[] };

const causes = { register: 'registered', start: 'started', reload: 'reloaded' } as const;

/** A contact of a client, whatever it is. Whoever is not on the list has to register first. */
export function contact(before: Client, { at, kind, ips, group }: Contact & { at: number }, world: World): Client {
  const listed = kind === 'register' && !before.listed ? enlist(before, ips ?? [], group ?? '', at, world) : before;
  if (!listed.listed) return listed;
  const client = ips ? classify({ ...listed, ips }, at, world) : listed;
  const counted = counts(client, kind);
  const after = { ...client, heard: [...client.heard, { at, what: kind, counts: counted }] };
  if (kind === 'stop') return putOffline(after, at, 'stopped');
  if (kind === 'uninstall') return takeOff(after, at, 'uninstalled');
  if (!counted) return after;
  return isConnecting(kind) ? connect(after, at, causes[kind]) : putOnline(after, at, kind);
}

/** R7: an id that is not on the list, or was taken off, starts anew; its history stays. */
function enlist(client: Client, ips: readonly string[], group: string, at: number, world: World): Client {
  const network = networkOf(ips, world.networks);
  const grants = [{ revision: 0, policy: effectivePolicy(client.id, group, world.levels) }];
  const fresh = { ...client, listed: true, ips, group, network, grants, heard: [], expectedSince: null, limitSince: 0 };
  return expect(fresh, at);
}

/** R6: it is online; and offline at once if the server can neither dial it nor expect it to speak. */
function connect(client: Client, at: number, cause: string): Client {
  if (client.network === null || mayReport(granted(client))) return putOnline(client, at, cause);
  return record(record(client, at, true, cause), at, false, 'no-route');
}

/** R1: another network: it stays online or offline as it was; the status string and the limit go with the class. */
export function classify(client: Client, at: number, { networks }: World): Client {
  const network = networkOf(client.ips, networks);
  if (!client.listed || network === client.network) return client;
  return expect(record({ ...client, network }, at, isOnline(client), 'network-changed'), at);
}

/** R20: what a client is granted changes at once; R7: without heartbeat and polling, it cannot stay online. */
export function grant(client: Client, at: number, revision: number, { levels }: World): Client {
  const policy = effectivePolicy(client.id, client.group, levels);
  const next = expect({ ...client, grants: [...client.grants, { revision, policy }] }, at);
  const withdrawn = client.network !== null && mayReport(granted(client)) && !mayReport(policy);
  return withdrawn ? putOffline(next, at, 'policy-changed') : next;
}

/** R5: the wait for a client begins when it is first expected to speak, and ends when it no longer is. */
function expect(client: Client, at: number): Client {
  return { ...client, expectedSince: expectedToSpeak(client) ? (client.expectedSince ?? at) : null };
}

/** G3: it acts on its newest settings from now on; having older ones than that says nothing. */
export function acknowledge(client: Client, revision: number): Client {
  const newest = client.grants.slice(-1);
  return newest.every((grant) => grant.revision <= revision) ? { ...client, grants: newest } : client;
}

/** R7, R8: off the list; its history stays. */
export function takeOff(client: Client, at: number, cause: string): Client {
  return client.listed ? { ...record(client, at, false, cause), listed: false } : client;
}

/** R19: an answer proves a direct client online; an unreachable one is not asked. */
export function answered(client: Client, at: number): Client {
  if (!client.listed) return client;
  const direct = client.network === null;
  const after = { ...client, heard: [...client.heard, { at, what: 'answered', counts: direct } as const] };
  return direct ? putOnline(after, at, 'verification') : after;
}

/** R19: silence after a question puts it offline, unless it spoke since, or (G1) could not be heard. */
export function unanswered(client: Client, at: number, asked: number, outages: Outages): Client {
  if (!client.listed || client.network !== null) return client;
  const spoke = client.heard.some((heard) => heard.at >= asked);
  return spoke || !couldBeHeard(asked, at, outages) ? client : putOffline(client, at, 'verification');
}
