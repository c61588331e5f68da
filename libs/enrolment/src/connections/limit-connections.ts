import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { pause, Wake } from '#event-log';
import type { EnrolmentContext } from '../context.js';
import { countConnections } from './count-connections.js';
import { mostConnections, suspend } from './suspend.js';
import { watchCopies } from './watch-copies.js';

/** In milliseconds: how often the broker is asked at most, after a failure too, and at least. */
const shortestPause = 1_000;
const longestPause = 3_600_000;

export type LimitOptions = {
  readonly context: EnrolmentContext;
  /** A connection as a user of the system account. */
  readonly system: NatsConnection;
  readonly log: Logger;
  /** Told of each suspension. */
  readonly suspended: () => void;
  /** In milliseconds: how far apart two looks are at the connections of a key that has several ({@link watchCopies}). */
  readonly interval: number;
};

/**
 * Keeps one credential from using up the broker's connections: a key with more than {@link mostConnections} is shut out
 * for a minute, which ends all of them. NATS has no limit for it in a user's JWT. Only keys that have enrolled are looked
 * at: not those of tokens, which many machines may present at once, nor any that the holder of the keys made by hand.
 * Several processes do it, and one of them suspends. Keys with more than one are watched: two machines may have it.
 */
export const limitConnections = ({
  context,
  system,
  log,
  suspended,
  interval,
}: LimitOptions): { stop: () => Promise<void> } => {
  const { agents, mqtt } = context.authority.accounts;
  const stopping = new AbortController();
  const wake = new Wake();
  /** Keys with many connections that are none of ours to limit. */
  const others = new Set<string>();
  const opened = (key: string, connections: number): void => {
    if (connections > 1) copies.consider(key);
    if (connections > mostConnections && !others.has(key)) wake.now();
  };
  const counts = countConnections({ system, accounts: [agents, mqtt], opened });
  const copies = watchCopies({ context, system, log, connections: counts.of, interval });

  const look = async (): Promise<void> => {
    for (const [publicKey, connections] of await counts.read()) {
      copies.consider(publicKey);
      if (connections <= mostConnections || others.has(publicKey)) continue;
      const done = await suspend(context, { publicKey, connections });
      if (done.outcome === 'unknown') others.add(publicKey);
      if (done.outcome !== 'suspended') continue;
      suspended();
      const { clientId: client, until } = done;
      log.warn({ client, publicKey, connections, until }, 'a credential is shut out for a while: too many connections');
      await context.revocations.push();
    }
  };
  const keep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const woken = wake.next();
      const isDone = await look().then(
        () => true,
        (error: unknown) => {
          if (!stopping.signal.aborted)
            log.warn({ error: String(error) }, 'connections of agents could not be counted');
          return false;
        },
      );
      await pause(shortestPause, stopping.signal);
      if (isDone) await pause(longestPause, stopping.signal, woken);
    }
  };
  const watch = async (): Promise<void> => {
    for await (const { type } of system.status()) if (type === 'reconnect') wake.now();
  };
  void watch();
  const keeping = keep();
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([keeping, copies.stop()]);
    },
  };
};
