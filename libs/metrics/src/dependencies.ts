import type { NatsConnection } from '@nats-io/transport-node';
import type { Database } from '#event-log';
import { projectionStates } from '#projections';
import type { Define } from './define.js';
import { inTime } from './in-time.js';

/** The connection to the broker, and what has become of it so far. */
export type BrokerLink = {
  readonly nats: NatsConnection;
  readonly isConnected: () => boolean;
  readonly disconnects: () => number;
  readonly reconnects: () => number;
};

/** The connection to the broker. */
export const brokerMetrics = ({ gauge, counter }: Define) => {
  const connected = gauge('nats_connected', '1 while every connection to the broker is there.', [], 'min');
  const disconnects = counter('nats_disconnects_total', 'How often the connection to the broker was lost.');
  const reconnects = counter('nats_reconnects_total', 'How often it came back.');
  const bytes = counter('nats_bytes_total', 'Bytes exchanged with the broker.', ['direction']);
  const messages = counter('nats_messages_total', 'Messages exchanged with the broker.', ['direction']);
  let link: BrokerLink | undefined;
  return {
    watch: (watched: BrokerLink): void => void (link = watched),
    refresh: (): void => {
      connected.set(link?.isConnected() ? 1 : 0);
      if (!link) return;
      const { inBytes, outBytes, inMsgs, outMsgs } = link.nats.stats();
      // The connection counts by itself; a counter of this registry cannot be set, only begun anew.
      for (const metric of [disconnects, reconnects, bytes, messages]) metric.reset();
      disconnects.inc(link.disconnects());
      reconnects.inc(link.reconnects());
      bytes.inc({ direction: 'in' }, inBytes);
      bytes.inc({ direction: 'out' }, outBytes);
      messages.inc({ direction: 'in' }, inMsgs);
      messages.inc({ direction: 'out' }, outMsgs);
    },
  };
};

export type WatchedDatabase = {
  readonly db: Database;
  /** What the names of all connections of this process end in. */
  readonly instance: string;
  /** Whether this process is one of those that keep projections up. */
  readonly projects: boolean;
};

/** The pools of connections, and what only the database knows. */
export const databaseMetrics = ({ gauge, counter }: Define) => {
  const up = gauge('postgres_up', '1 when the database answered this scrape.');
  const connections = gauge('postgres_connections', 'Connections of this process as the database sees them.', [
    'pool',
    'state',
  ]);
  const closed = counter('postgres_disconnects_total', 'Connections to the database that ended.', ['pool']);
  const position = gauge('projection_position', 'Up to where in the log a projection has come.', projectionLabels);
  const lag = gauge('projection_lag_positions', 'How many positions it is behind the head.', projectionLabels);
  const state = gauge('projection_state', '1 for the state of a projection.', [...projectionLabels, 'state']);
  let watched: WatchedDatabase | undefined;

  const showProjections = async (db: Database): Promise<void> => {
    for (const { name, ...of } of await projectionStates(db)) {
      const labels = { projection: name, version: of.version };
      position.set(labels, Number(of.position));
      lag.set(labels, Number(of.lag));
      for (const one of projectionStateNames) state.set({ ...labels, state: one }, one === of.state ? 1 : 0);
    }
  };
  const showDatabase = async ({ db, instance, projects }: WatchedDatabase): Promise<void> => {
    for (const { pool, state: of, count } of await selectConnections(db, instance)) {
      connections.set({ pool, state: of }, count);
    }
    if (projects) await showProjections(db);
  };
  return {
    watch: (database: WatchedDatabase): void => void (watched = database),
    disconnected: (pool: string): void => closed.inc({ pool }),
    refresh: async (): Promise<void> => {
      for (const metric of [connections, position, lag, state]) metric.reset();
      const answered = watched !== undefined && (await inTime(showDatabase(watched)));
      up.set(answered ? 1 : 0);
    },
  };
};

const projectionLabels = ['projection', 'version'] as const;
const projectionStateNames = ['running', 'failed', 'rebuilding'];

const selectConnections = (db: Database, instance: string) => db<{ pool: string; state: string; count: number }[]>`
  SELECT split_part(application_name, ' ', 2) AS pool, coalesce(state, 'unknown') AS state, count(*)::integer AS count
  FROM pg_stat_activity WHERE application_name LIKE ${`reachback % ${instance}`} GROUP BY 1, 2`;
