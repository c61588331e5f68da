import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import { startAdminApi } from '#admin-api';
import { contactStream, subjects } from '#contracts';
import { type Database, openDatabase } from '#event-log';
import { startIntake } from '#intake';
import { startNotifier } from '#notifier';
import { followers, runFollower } from '#projections';
import { startResponders } from '#responders';
import type { Config, Role } from './config.js';
import { connectBroker, migrateWhenThere } from './dependencies.js';

/** The one lane of an installation on one machine. */
const lane = 0;

export type Stoppable = { readonly stop: () => Promise<void> };

/** Starts the roles in the order in which they need each other; stops them in the reverse order. */
export const startServer = async (
  config: Config,
  version: string,
  log: Logger,
  signal: AbortSignal,
): Promise<Stoppable & { port: number | undefined }> => {
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of started.splice(0).reverse()) await stopOne();
  };
  const has = (role: Role): boolean => config.roles.has(role);
  try {
    const open = (name: string, connections: number): Database => {
      const db = openDatabase({ url: config.REACHBACK_DATABASE_URL, connections, name: `reachback ${name}` });
      started.push(() => db.end({ timeout: 5 }));
      return db;
    };
    const setup = open('setup', 1);
    await migrateWhenThere(setup, log, signal);
    const nats = await connectBroker(config.REACHBACK_NATS_URL, log, signal);
    started.push(() => nats.drain().catch(() => undefined));
    let port: number | undefined;
    if (has('api')) {
      const api = await startApi(config, version, log, nats, open);
      started.push(api.stop);
      port = api.port;
    }
    if (has('ingest')) started.push((await startIntake({ db: open('ingest', 4), nats, lane, log })).stop);
    if (has('project')) {
      const db = open('project', 4);
      for (const follower of followers) started.push(runFollower({ db, follower, lane, log }).stop);
      started.push(startNotifier({ db: open('notify', 4), nats, lane, log }).stop);
    }
    if (has('respond')) started.push((await startResponders({ db: open('respond', 6), nats, lane, log })).stop);
    return { port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const startApi = (
  config: Config,
  version: string,
  log: Logger,
  nats: NatsConnection,
  open: (name: string, connections: number) => Database,
) => {
  const db = open('api', 4);
  return startAdminApi({
    db,
    tables: drizzle(open('lists', 4)),
    nats,
    lane,
    log,
    version,
    host: config.REACHBACK_HTTP_HOST,
    port: config.REACHBACK_HTTP_PORT,
    keys: new Map([['default', config.REACHBACK_ADMIN_KEY]]),
    checks: checksOf(db, nats),
  });
};

/** What `/readyz` asks. Intake and responders may run in other processes; they are asked over the broker. */
const checksOf = (db: Database, nats: NatsConnection) => ({
  database: async () => {
    await db`SELECT 1`;
    return 'up';
  },
  broker: async () => {
    await nats.flush();
    return 'up';
  },
  stream: async () => {
    try {
      await (await jetstreamManager(nats, { timeout: 1_500 })).streams.info(contactStream.name);
      return 'up';
    } catch (error) {
      return error instanceof JetStreamApiError ? error.message : 'does not answer';
    }
  },
  intake: async () => {
    const { lagSeconds } = (await nats.request(subjects.presence(lane), '{"ordinals":[]}', { timeout: 1_500 })).json<{
      lagSeconds: number;
    }>();
    return lagSeconds < 30 ? 'up' : `${Math.round(lagSeconds)} s behind`;
  },
});
