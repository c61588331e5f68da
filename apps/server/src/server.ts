import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import postgres from 'postgres';
import { askIngest, startAdminApi } from '#admin-api';
import { contactStream, createLanes, type Lanes } from '#contracts';
import { type Database, LaneCountError, openDatabase, settleLaneCount } from '#event-log';
import { startIntake } from '#intake';
import { startNotifier } from '#notifier';
import { followers, runFollower } from '#projections';
import { startResponders } from '#responders';
import { type Config, ConfigError, type Role } from './config.js';
import { connectBroker, migrateWhenThere } from './dependencies.js';

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
    const lanes = createLanes(await countLanes(setup, config));
    const nats = await connectBroker(config.REACHBACK_NATS_URL, log, signal);
    started.push(() => nats.drain().catch(() => undefined));
    let port: number | undefined;
    if (has('api')) {
      const api = await startApi(config, version, log, nats, lanes, open);
      started.push(api.stop);
      port = api.port;
    }
    // An append of each lane may wait for its turn with a connection in its hand.
    if (has('ingest')) {
      const db = open('ingest', 3 + Math.min(lanes.count, 16));
      started.push((await startIntake({ db, nats, lanes, log })).stop);
    }
    if (has('project')) {
      const db = open('project', 4);
      for (const follower of followers) started.push(runFollower({ db, follower, log }).stop);
      started.push(startNotifier({ db: open('notify', 4), nats, lanes, log }).stop);
    }
    if (has('respond')) started.push((await startResponders({ db: open('respond', 6), nats, lanes, log })).stop);
    return { port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** @throws {ConfigError} when another number is asked for than the installation has */
const countLanes = async (db: Database, { REACHBACK_LANES }: Config): Promise<number> => {
  try {
    return await settleLaneCount(db, REACHBACK_LANES);
  } catch (error) {
    throw error instanceof LaneCountError ? new ConfigError(error.message) : error;
  }
};

const startApi = async (
  config: Config,
  version: string,
  log: Logger,
  nats: NatsConnection,
  lanes: Lanes,
  open: (name: string, connections: number) => Database,
) => {
  const db = open('api', 4);
  const lists = postgres(config.REACHBACK_DATABASE_URL, { max: 4, onnotice: () => undefined });
  const api = await startAdminApi({
    db,
    tables: drizzle(lists),
    nats,
    lanes,
    log,
    version,
    host: config.REACHBACK_HTTP_HOST,
    port: config.REACHBACK_HTTP_PORT,
    keys: new Map([['default', config.REACHBACK_ADMIN_KEY]]),
    checks: checksOf(db, nats, lanes),
  });
  return {
    port: api.port,
    stop: async () => {
      await api.stop();
      await lists.end({ timeout: 5 });
    },
  };
};

/** What `/readyz` asks. Intake and responders may run in other processes; they are asked over the broker. */
const checksOf = (db: Database, nats: NatsConnection, lanes: Lanes) => ({
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
    const ingest = await askIngest({ nats, lanes });
    if (!ingest) return lanes.count === 1 ? 'does not answer' : 'a lane does not answer';
    return ingest.lagSeconds < 30 ? 'up' : `${Math.round(ingest.lagSeconds)} s behind`;
  },
});
