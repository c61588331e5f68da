import { connect, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Database, isOutage, migrate } from '#event-log';

const retryPause = 1_000;

/** Connects to the broker, however long it takes to come, and stays connected. */
export const connectBroker = async (url: string, log: Logger, signal: AbortSignal): Promise<NatsConnection> => {
  const nats = await connect({
    servers: url,
    name: 'reachback-server',
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
    // Two stacks caught for every contact passed on, for a request that hardly ever fails: 8 % of the time under polls.
    noAsyncTraces: true,
  });
  void logStatus(nats, log);
  signal.throwIfAborted();
  return nats;
};

const logStatus = async (nats: NatsConnection, log: Logger): Promise<void> => {
  for await (const { type } of nats.status()) {
    if (type === 'disconnect') log.warn('the broker is away');
    if (type === 'reconnect') log.info('the broker is back');
  }
};

/** Brings the schema up to date as soon as the database answers. */
export const migrateWhenThere = async (db: Database, log: Logger, signal: AbortSignal): Promise<void> => {
  for (;;) {
    try {
      const applied = await migrate(db);
      if (applied.length > 0) log.info({ applied }, 'database migrated');
      return;
    } catch (error) {
      if (!isOutage(error)) throw error;
      log.warn({ error: String(error) }, 'waiting for the database');
      await sleep(retryPause, undefined, { signal });
    }
  }
};
