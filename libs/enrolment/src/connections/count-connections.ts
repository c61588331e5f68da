import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { type ConnectionId, keyOf, readConnections } from './read-connections.js';

const event = z.object({
  server: z.object({ id: z.string() }),
  client: z.object({ jwt: z.string().default(''), id: z.number() }),
});

/** The connections of a key: numbers, each of one; of a million keys nearly all have one. */
type Held = number | Set<number>;
type Connections = Map<string, Held>;

/** Which connections each key has: asked of the broker now and then, and followed by what it says in between. */
export type ConnectionCounts = {
  /**
   * Asks the broker. It decides: what it says of connections goes the way of all messages, and some may be lost.
   *
   * @returns the keys with more than one, and how many they have
   * @throws when it does not answer
   */
  readonly read: () => Promise<ReadonlyMap<string, number>>;
  /** Those of a key by now. */
  readonly of: (key: string) => readonly ConnectionId[];
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
  const ids = numberConnections();
  let connections: Connections = new Map();
  /** What has changed since a reading began: that one may know it or not. */
  let meanwhile: ((connections: Connections) => void)[] | undefined;

  const change = (apply: (connections: Connections) => void): void => {
    apply(connections);
    meanwhile?.push(apply);
  };
  const follow = (subject: string, changed: (key: string, id: number) => void): void =>
    void system.subscribe(subject, {
      callback: (_error, message) => {
        const said = event.safeParse(message.json());
        if (!said.success) return;
        const { server, client } = said.data;
        const key = keyOf(client.jwt);
        if (key !== undefined) changed(key, ids.of({ server: server.id, cid: client.id }));
      },
    });
  for (const account of accounts) {
    follow(`$SYS.ACCOUNT.${account}.CONNECT`, (key, id) => {
      change((all) => add(all, key, id));
      opened(key, countOf(connections.get(key)));
    });
    follow(`$SYS.ACCOUNT.${account}.DISCONNECT`, (key, id) => change((all) => remove(all, key, id)));
  }
  return {
    of: (key) => idsOf(connections.get(key)).map(ids.read),
    read: async () => {
      const since: typeof meanwhile = [];
      meanwhile = since;
      try {
        const found: Connections = new Map();
        for (const account of accounts)
          await readConnections(system, account, (key, id) => add(found, key, ids.of(id)));
        for (const apply of since) apply(found);
        connections = found;
        return severalOf(found);
      } finally {
        meanwhile = undefined;
      }
    },
  };
};

/** Beyond the numbers of connections of one broker. */
const perServer = 2 ** 40;

/** A number for each connection: with those of a million in memory, each shall be no object. */
const numberConnections = () => {
  const servers: string[] = [];
  const places = new Map<string, number>();
  return {
    of: ({ server, cid }: ConnectionId): number => {
      const place = places.get(server) ?? servers.push(server) - 1;
      places.set(server, place);
      return place * perServer + cid;
    },
    read: (id: number): ConnectionId => ({ server: servers[Math.floor(id / perServer)] ?? '', cid: id % perServer }),
  };
};

const idsOf = (held: Held | undefined): readonly number[] =>
  held === undefined ? [] : typeof held === 'number' ? [held] : [...held];

const countOf = (held: Held | undefined): number => (held === undefined ? 0 : typeof held === 'number' ? 1 : held.size);

const add = (all: Connections, key: string, id: number): void => {
  const held = all.get(key);
  if (held === undefined) all.set(key, id);
  else if (typeof held === 'object') held.add(id);
  else if (held !== id) all.set(key, new Set([held, id]));
};

/** Only keys that have any are kept. */
const remove = (all: Connections, key: string, id: number): void => {
  const held = all.get(key);
  if (typeof held === 'object') held.delete(id);
  if (held === id || (typeof held === 'object' && held.size === 0)) all.delete(key);
};

const severalOf = (all: Connections): ReadonlyMap<string, number> => {
  const several = new Map<string, number>();
  for (const [key, held] of all) if (countOf(held) > 1) several.set(key, countOf(held));
  return several;
};
