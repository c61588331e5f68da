import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { keyOf, readConnections } from './read-connections.js';

const event = z.object({ client: z.object({ jwt: z.string().default('') }) });

type Counts = Map<string, number>;

/** How many connections each key has: asked of the broker now and then, and followed by what it says in between. */
export type ConnectionCounts = {
  /**
   * Asks the broker. It decides: what it says of connections goes the way of all messages, and some may be lost.
   *
   * @throws when it does not answer
   */
  readonly read: () => Promise<ReadonlyMap<string, number>>;
};

export type CountingOptions = {
  readonly system: NatsConnection;
  /** Public keys. */
  readonly accounts: readonly string[];
  /** Called for every connection that a key has opened, with how many it has by then. */
  readonly opened: (key: string, connections: number) => void;
};

/** Begins to listen. */
export const countConnections = ({ system, accounts, opened }: CountingOptions): ConnectionCounts => {
  let counts: Counts = new Map();
  /** What has changed since a reading began: that one may know it or not. Counted twice is found out by the next. */
  let meanwhile: Counts | undefined;

  const change = (key: string, by: 1 | -1): void => {
    add(counts, key, by);
    if (meanwhile) add(meanwhile, key, by);
    if (by === 1) opened(key, counts.get(key) ?? 0);
  };
  const follow = (subject: string, by: 1 | -1): void =>
    void system.subscribe(subject, {
      callback: (_error, message) => {
        const said = event.safeParse(message.json());
        const key = said.success ? keyOf(said.data.client.jwt) : undefined;
        if (key !== undefined) change(key, by);
      },
    });
  for (const account of accounts) {
    follow(`$SYS.ACCOUNT.${account}.CONNECT`, 1);
    follow(`$SYS.ACCOUNT.${account}.DISCONNECT`, -1);
  }
  return {
    read: async () => {
      const since: Counts = new Map();
      meanwhile = since;
      try {
        const found: Counts = new Map();
        for (const account of accounts)
          for (const [key, n] of await readConnections(system, account)) add(found, key, n);
        counts = new Map(found);
        for (const [key, by] of since) add(counts, key, by);
        return found;
      } finally {
        meanwhile = undefined;
      }
    },
  };
};

/** Only keys that have any are kept, and below nothing only what is a difference. */
const add = (counts: Counts, key: string, by: number): void => {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
};
