import type { NatsConnection } from '@nats-io/transport-node';
import { drizzle } from 'drizzle-orm/postgres-js';
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { startAdminApi, startHealthListener } from '#admin-api';
import { createLanes, type Lanes, ReachbackError } from '#contracts';
import {
  announceHead,
  type Database,
  LaneCountError,
  openDatabase,
  openRetentionDatabase,
  readStorage,
  settleLaneCount,
  startRetention,
} from '#event-log';
import { startIntake } from '#intake';
import { createMetrics, type Metrics } from '#metrics';
import { startNotifier } from '#notifier';
import { followers, runFollower } from '#projections';
import { startResponders } from '#responders';
import { type Config, ConfigError, type Role } from './config.js';
import { connectBroker, migrateWhenThere } from './dependencies.js';
import { checksOf, type Parts } from './readiness.js';

export type Stoppable = { readonly stop: () => Promise<void> };

/** Starts the roles in the order in which they need each other; stops them in the reverse order. */
export const startServer = async (
  config: Config,
  version: string,
  log: Logger,
  signal: AbortSignal,
): Promise<Stoppable & { port: number }> => {
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of started.splice(0).reverse()) await stopOne();
  };
  const has = (role: Role): boolean => config.roles.has(role);
  const metrics = createMetrics({ version, roles: [...config.roles] });
  const name = namer();
  const open = (pool: string, connections: number): Database => {
    const url = config.REACHBACK_DATABASE_URL;
    const db = openDatabase({ url, connections, name: name.of(pool), observer: metrics.pool(pool) });
    started.push(() => db.end({ timeout: 5 }));
    return db;
  };
  try {
    const parts: Parts = {
      db: open('health', 2),
      lanes: undefined,
      broker: undefined,
      intake: undefined,
      isResponding: false,
    };
    metrics.watch.database({ db: parts.db, instance: name.instance, projects: has('project') });
    const health = await listenForHealth(config, parts, metrics, log);
    started.push(health.stop);
    const setup = open('setup', 1);
    await migrateWhenThere(setup, log, signal);
    const lanes = createLanes(await countLanes(setup, config));
    parts.lanes = lanes;
    parts.broker = await connectBroker(config.REACHBACK_NATS_URL, log, signal);
    metrics.watch.broker(parts.broker);
    const { nats } = parts.broker;
    started.push(() => nats.drain().catch(() => undefined));
    if (has('api')) {
      await health.stop();
      started.push(await startApi({ config, version, log, metrics, parts, nats, lanes, open, port: health.port }));
    }
    // An append of each lane may wait for its turn with a connection in its hand.
    if (has('ingest')) {
      const db = open('ingest', 3 + Math.min(lanes.count, 16));
      const intake = await startIntake({ db, nats, lanes, log, observer: metrics.intake });
      parts.intake = intake.states;
      metrics.watch.lanes(intake.states);
      started.push(intake.stop);
      const { REACHBACK_DATABASE_URL: url, REACHBACK_CONTACT_DAYS: keepDays } = config;
      const pool = 'retention';
      const retention = openRetentionDatabase({ url, name: name.of(pool), observer: metrics.pool(pool) });
      started.push(() => retention.end({ timeout: 5 }));
      started.push(startRetention({ db: retention, keepDays, log }).stop);
    }
    if (has('project')) {
      const db = open('project', 4);
      metrics.watch.storage(() => readStorage(db));
      const announcing = announceHead(db, log);
      started.push(async () => announcing.stop());
      for (const follower of followers) started.push(runFollower({ db, follower, log }).stop);
      started.push(startNotifier({ db: open('notify', 4), nats, lanes, log, observer: metrics.notifier }).stop);
    }
    if (has('respond')) {
      const db = open('respond', 6);
      started.push((await startResponders({ db, nats, lanes, log, observer: metrics.requests })).stop);
      parts.isResponding = true;
    }
    return { port: health.port, stop };
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

/** Names connections for the database's list of them, so that those of this process can be told from others'. */
const namer = () => {
  const instance = randomBytes(4).toString('hex');
  return { instance, of: (pool: string): string => `reachback ${pool} ${instance}` };
};

const keysOf = (config: Config): ReadonlyMap<string, string> => new Map([['default', config.REACHBACK_ADMIN_KEY]]);

/** Health and metrics are there from the first moment on; with the role `api`, until the API takes the port over. */
const listenForHealth = async (config: Config, parts: Parts, metrics: Metrics, log: Logger) => {
  const { REACHBACK_HTTP_HOST: host, REACHBACK_HTTP_PORT: port, roles } = config;
  const otherwise = () =>
    roles.has('api')
      ? new ReachbackError('unavailable', 'The server is starting; GET /readyz says what it waits for.', 2)
      : new ReachbackError('not_found', 'This process has no REST API: only /healthz, /readyz and /metrics.');
  try {
    return await startHealthListener({
      host,
      port,
      keys: keysOf(config),
      checks: checksOf(roles, parts),
      metrics,
      observer: metrics.http,
      log,
      otherwise,
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new ConfigError(`Port ${port} on ${host} (REACHBACK_HTTP_PORT) is taken. Free it, or choose another.`);
  }
};

type ApiOptions = {
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly parts: Parts;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly open: (pool: string, connections: number) => Database;
  readonly port: number;
};

const startApi = async (options: ApiOptions): Promise<() => Promise<void>> => {
  const { config, version, log, metrics, parts, nats, lanes, open, port } = options;
  const db = open('api', 4);
  const api = await startAdminApi({
    db,
    tables: drizzle(open('lists', 4)),
    nats,
    lanes,
    log,
    version,
    host: config.REACHBACK_HTTP_HOST,
    port,
    trustedProxies: config.REACHBACK_TRUSTED_PROXIES,
    keys: keysOf(config),
    contactDays: config.REACHBACK_CONTACT_DAYS,
    checks: checksOf(config.roles, parts),
    metrics,
    observer: metrics.http,
  });
  return api.stop;
};
