import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { copiesAmong, type Looks } from '#domain';
import { pause } from '#event-log';
import type { EnrolmentContext } from '../context.js';
import { findOwner, reportCopy } from './report-copy.js';
import { type ConnectionId, readConnection } from './read-connections.js';
import { mostConnections } from './suspend.js';

/** Keys that are watched at a time: when a site loses its network, each of its agents leaves a connection behind. */
const mostWatched = 10_000;
/** Of so many the connections are looked at in a round. */
const mostLooks = 1_000;

export type CopyWatchOptions = {
  readonly context: EnrolmentContext;
  /** A connection as a user of the system account. */
  readonly system: NatsConnection;
  readonly log: Logger;
  /** The connections of a key, as far as is known. */
  readonly connections: (key: string) => readonly ConnectionId[];
  /** In milliseconds: how far apart two looks at a key's connections are. */
  readonly interval: number;
};

export type CopyWatch = {
  /** Has a key looked at that has more than one connection, until it has one again. */
  readonly consider: (key: string) => void;
  readonly stop: () => Promise<void>;
};

type Watched = { readonly since: number; readonly looks: Looks };

/**
 * Finds out two machines with one credential by their connections: two that are open all the while between two looks at them,
 * and by both of which something was sent. A machine that changed networks leaves one behind that is silent, and a process
 * beside the agent has gone by then. No agent has to say anything for it.
 */
export const watchCopies = ({ context, system, log, connections, interval }: CopyWatchOptions): CopyWatch => {
  const stopping = new AbortController();
  const watched = new Map<string, Watched>();

  const look = async (key: string, owner: string, { since, looks }: Watched): Promise<void> => {
    const open = connections(key).slice(0, mostConnections);
    const now = (await Promise.all(open.map((id) => readConnection(system, id)))).filter((one) => one !== undefined);
    const { looks: next, copies } = copiesAmong(looks, now);
    if (copies) {
      const isNew = await reportCopy(context, { publicKey: key, connections: copies });
      const addresses = copies.map(({ address }) => address);
      if (isNew) log.warn({ client: owner, publicKey: key, addresses }, 'two machines have one credential');
    }
    // One that was reported is looked at again too: it may be dismissed.
    watched.set(key, { since, looks: copies ? new Map() : next });
  };
  const round = async (): Promise<void> => {
    let done = 0;
    for (const [key, one] of [...watched]) {
      if (stopping.signal.aborted || done === mostLooks) return;
      if (Date.now() - one.since < interval) continue;
      watched.delete(key);
      const owner = connections(key).length > 1 ? await findOwner(context.db, key) : undefined;
      if (owner === undefined) continue;
      // Behind the others, also if it cannot be looked at now.
      watched.set(key, one);
      done++;
      await look(key, owner, one);
    }
  };
  const keep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await pause(interval, stopping.signal);
      await round().catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        log.warn({ error: String(error) }, 'connections of agents could not be compared');
      });
    }
  };
  const keeping = keep();
  return {
    consider: (key) => {
      if (watched.size < mostWatched && !watched.has(key)) watched.set(key, { since: Date.now(), looks: new Map() });
    },
    stop: async () => {
      stopping.abort();
      await keeping;
    },
  };
};
