import { type Client, granted, isOffline, isOnline, offlineSince } from './client.js';
import { moveByOutages, type Outages } from './outages.js';

/** R5: when a client goes offline if nothing counts for it any more; null: never. `now` is the log's time. */
export function dueOffline(client: Client, now: number, outages: Outages): number | null {
  if (!isOnline(client) || client.expectedSince === null) return null;
  const since = Math.max(client.expectedSince, client.heard.findLast(({ counts }) => counts)?.at ?? 0);
  const wait = { since, interval: interval(client), now };
  const due = moveByOutages(since + silenceLimit(client), wait, sureToBeat(client) ? outages.broker : outages.server);
  return Math.max(due, client.limitSince);
}

/** G3: the widest limit of all that it may act on; it need not know the tighter ones. */
function silenceLimit({ grants }: Client): number {
  return Math.max(...grants.map(({ policy }) => policy.offlineAfter));
}

/** G1, G3: how often it speaks at least, by what it may act on. */
function interval({ grants }: Client): number {
  return Math.max(
    ...grants.map(({ policy: { heartbeat, poll } }) => (heartbeat.enabled ? heartbeat.interval : poll.interval)),
  );
}

/**
 * G1: whether its word waits in the broker while the server is away, as a beat does. A poll is lost; so for a client
 * that only polls, or may not know yet that it is to beat, the server's outages count.
 */
export function sureToBeat({ grants }: Client): boolean {
  return grants.every(({ policy }) => policy.heartbeat.enabled);
}

/** R8: when a client that stays offline is removed; null: never. G1: nobody can come back while the server is away. */
export function dueRemoval(client: Client, now: number, outages: Outages): number | null {
  if (!isOffline(client)) return null;
  const { removeInactiveAfter, poll } = granted(client);
  if (removeInactiveAfter === null) return null;
  const since = offlineSince(client);
  const due = moveByOutages(since + removeInactiveAfter, { since, interval: poll.interval, now }, outages.server);
  return Math.max(due, client.limitSince);
}
