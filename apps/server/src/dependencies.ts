import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Database, isOutage, migrate, unlessAborted } from '#event-log';
import type { BrokerLink } from '#metrics';
import { brokerTls } from '#tls';
import type { Config } from './config.js';

const retryPause = 1_000;
/** How often it says that it waits, in milliseconds. */
const waitingReport = 10_000;

/**
 * Connects to the broker as who has these credentials, however long it takes to come, and stays connected.
 *
 * @throws what the signal aborts with, at once
 */
export const reachBroker = async (
  { REACHBACK_NATS_URL: url, REACHBACK_NATS_CA: ca, REACHBACK_NATS_NAME: name }: Config,
  /** Undefined where the broker asks nobody who he is. */
  credentials: Uint8Array | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<BrokerLink> => {
  const waiting = setInterval(
    () =>
      log.warn(
        'waiting for the broker: it is not there, is not trusted (REACHBACK_NATS_CA), or does not let this server in',
      ),
    waitingReport,
  );
  const connecting = connect({
    servers: url,
    name: 'reachback-server',
    ...brokerTls(url, { ca, name }),
    ...(credentials && { authenticator: credsAuthenticator(credentials) }),
    // A broker that came back without our account may yet be given it.
    ignoreAuthErrorAbort: true,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
    // Two stacks caught for every contact passed on, for a request that hardly ever fails: 8 % of the time under polls.
    noAsyncTraces: true,
  });
  try {
    return watchLink(await unlessAborted(signal, connecting), log);
  } catch (error) {
    // It may come all the same.
    void connecting.then((nats) => nats.close()).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(waiting);
  }
};

const watchLink = (nats: NatsConnection, log: Logger): BrokerLink => {
  let isConnected = true;
  let disconnects = 0;
  let reconnects = 0;
  const watch = async (): Promise<void> => {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect') {
        isConnected = false;
        disconnects++;
        log.warn('the broker is away');
      } else if (type === 'reconnect') {
        isConnected = true;
        reconnects++;
        log.info('the broker is back');
      }
    }
  };
  void watch();
  return { nats, isConnected: () => isConnected, disconnects: () => disconnects, reconnects: () => reconnects };
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
