import type { NatsConnection } from '@nats-io/transport-node';
import { drizzle } from 'drizzle-orm/postgres-js';
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type Access, createAccess, type HttpTls, startAdminApi, startHealthListener } from '#admin-api';
import { createLanes, type Lanes, ReachbackError } from '#contracts';
import { type EnrolmentContext, keepRevocations, limitConnections } from '#enrolment';
import { announceHead, type Database, LaneCountError, readStorage, settleLaneCount } from '#event-log';
import { ensureAccounts } from '#identity';
import { createMetrics, type Metrics } from '#metrics';
import { startNotifier } from '#notifier';
import { followers, runFollower } from '#projections';
import { startResponders } from '#responders';
import { type Config, ConfigError, type Role } from './config.js';
import { migrateWhenThere, reachBroker } from './dependencies.js';
import { openHttpTls } from './http-tls.js';
import { readIdentity } from './identity.js';
import { startIngest } from './ingest/ingest.js';
import { openIngestThread } from './ingest/thread.js';
import { openPools, type PoolOptions, type Pools } from './pools.js';
import { checksOf, openBroker, type Parts } from './readiness.js';

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
  const instance = randomBytes(4).toString('hex');
  const pools = openPools(config, instance, metrics);
  const { open } = pools;
  started.push(pools.end);
  try {
    const parts: Parts = {
      db: open('health', 2),
      lanes: undefined,
      broker: undefined,
      isOpen: false,
      intake: undefined,
      isResponding: false,
    };
    metrics.watch.database({ db: parts.db, instance, projects: has('project') });
    // A process that does nothing else needs no second thread.
    const thread = has('ingest') && config.roles.size > 1 ? openIngestThread({ config, version, instance }) : undefined;
    if (thread) {
      started.push(thread.stop);
      metrics.watch.thread(thread.metrics);
      parts.intake = thread.check;
    }
    const refused = metrics.http.refused;
    const access = createAccess({ db: parts.db, keys: keysOf(config), oidc: oidcOf(config), log, refused });
    const tls = await openHttpTls(config, log);
    if (tls) started.push(async () => tls.stop());
    const health = await listenForHealth({ config, parts, metrics, access, log, tls });
    started.push(health.stop);
    const setup = open('setup', 1);
    await migrateWhenThere(setup, log, signal);
    const lanes = createLanes(await countLanes(setup, config));
    parts.lanes = lanes;
    const identity = await readIdentity(config.REACHBACK_NATS_KEYS, lanes.count);
    if (!identity) log.warn(openBroker);
    const reach = (credentials: Uint8Array | undefined) => reachBroker(config, credentials, log, signal);
    parts.isOpen = !identity;
    let enrolment: EnrolmentContext | undefined;
    if (identity?.authority && identity.system) {
      const { authority } = identity;
      const { nats: system } = await reach(identity.system);
      started.push(() => system.drain().catch(() => undefined));
      await ensureAccounts(system, authority);
      const db = open('enrolment', 3);
      const revocations = keepRevocations({ db, authority, system, log });
      started.push(revocations.stop);
      enrolment = { db, lanes, authority, lifetime: config.REACHBACK_CREDENTIAL_LIFETIME, revocations };
      const { suspended } = metrics.credentials;
      const interval = config.REACHBACK_COPY_INTERVAL;
      started.push(limitConnections({ context: enrolment, system, log, suspended, interval }).stop);
    }
    // What takes longest to recover begins first.
    thread?.start(lanes.count, identity?.server);
    parts.broker = await reach(identity?.server);
    metrics.watch.broker(parts.broker);
    const { nats } = parts.broker;
    started.push(() => nats.drain().catch(() => undefined));
    if (has('api')) {
      await health.stop();
      const { port } = health;
      const given = { config, access, version, log, metrics, parts, nats, lanes, open, port, enrolment, tls };
      started.push(await startApi(given));
    }
    if (has('ingest') && !thread) {
      const ingest = await startIngest({ config, pools, broker: parts.broker, lanes, metrics, log });
      parts.intake = ingest.check;
      started.push(ingest.stop);
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
      const secret = identity?.server ?? new Uint8Array();
      const observer = metrics.requests;
      started.push(
        (await startResponders({ db, nats, lanes, log, observer, secret, isOpen: parts.isOpen, enrolment })).stop,
      );
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

const keysOf = (config: Config): ReadonlyMap<string, string> => new Map([['default', config.REACHBACK_ADMIN_KEY]]);

const oidcOf = ({
  REACHBACK_OIDC_ISSUER: issuer,
  REACHBACK_OIDC_AUDIENCE: audience,
  REACHBACK_OIDC_ROLE_CLAIM: roleClaim,
  REACHBACK_OIDC_GROUP_CLAIM: groupClaim,
}: Config) => (issuer && audience ? { issuer, audience, roleClaim, groupClaim } : undefined);

/** Health and metrics are there from the first moment on; with the role `api`, until the API takes the port over. */
type HealthOptions = Pick<ApiOptions, 'config' | 'parts' | 'metrics' | 'access' | 'log' | 'tls'>;

const listenForHealth = async ({ config, parts, metrics, access, log, tls }: HealthOptions) => {
  const { REACHBACK_HTTP_HOST: host, REACHBACK_HTTP_PORT: port, roles } = config;
  const otherwise = () =>
    roles.has('api')
      ? new ReachbackError('unavailable', 'The server is starting; GET /readyz says what it waits for.', 2)
      : new ReachbackError('not_found', 'This process has no REST API: only /healthz, /readyz and /metrics.');
  try {
    return await startHealthListener({
      host,
      port,
      access,
      checks: checksOf(roles, parts),
      metrics,
      observer: metrics.http,
      log,
      tls,
      otherwise,
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new ConfigError(`Port ${port} on ${host} (REACHBACK_HTTP_PORT) is taken. Free it, or choose another.`);
  }
};

type ApiOptions = {
  readonly access: Access;
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly parts: Parts;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly open: Pools['open'];
  readonly port: number;
  readonly enrolment: EnrolmentContext | undefined;
  readonly tls: HttpTls | undefined;
};

/** Nobody waits longer for an answer, in milliseconds, and a query that is slower has no good plan. */
const forQuestions: PoolOptions = { statementTimeout: 30_000, customPlans: true };

const startApi = async (options: ApiOptions): Promise<() => Promise<void>> => {
  const { config, access, version, log, metrics, parts, nats, lanes, open, port, enrolment, tls } = options;
  const db = open('api', 4, forQuestions);
  const api = await startAdminApi({
    db,
    tables: drizzle(open('lists', 4, forQuestions)),
    nats,
    lanes,
    log,
    version,
    host: config.REACHBACK_HTTP_HOST,
    port,
    access,
    trustedProxies: config.REACHBACK_TRUSTED_PROXIES,
    contactDays: config.REACHBACK_CONTACT_DAYS,
    checks: checksOf(config.roles, parts),
    metrics,
    observer: metrics.http,
    enrolment,
    tls,
  });
  return api.stop;
};
