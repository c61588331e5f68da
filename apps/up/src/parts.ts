import { join } from 'node:path';
import {
  endOrphan,
  findNatsServer,
  type Gateways,
  natsPidFile,
  postgresPidFile,
  type OperatorConfiguration,
  type RunningServer,
  startNats,
  startPostgres,
  supervise,
  type Supervised,
} from '#embedded';
import { laneMappings } from '#contracts';
import { brokerConfiguration, ensureIdentity } from '#identity';
import { openDatabase, readLaneCount } from '#event-log';
import { choosePort } from './choose-port.js';
import type { UpConfig } from './config.js';
import { chooseGateways } from './gateways.js';
import { say, step, warn } from './progress.js';
import { endOrphanServer, startServerChild } from './server-child.js';

const defaultPorts = { http: 8080, nats: 4222, postgres: 5432 } as const;

/** A part of the running system. */
export type Part = { readonly name: string; readonly server: Supervised };
export type PartStarted = (part: Part) => void;

const keepRunning = async (
  name: string,
  start: () => Promise<RunningServer>,
  started: PartStarted,
): Promise<Supervised> => {
  const server = await supervise({
    start,
    onDeath: (words) => warn(`${name} died (${words.split('\n')[0]}); starting it again`),
    onRestart: () => say(`${name} is back`),
    onFailure: (error) =>
      warn(`${name} did not start: ${error instanceof Error ? error.message : String(error)}; trying again`),
  });
  started({ name, server });
  return server;
};

export type Ports = { readonly http: number; readonly nats: number; readonly postgres: number } & {
  readonly gateways: Gateways;
};

export const choosePorts = async (config: UpConfig): Promise<Ports> => {
  const taken = new Set([config.REACHBACK_HTTP_PORT, config.REACHBACK_NATS_PORT].filter((port) => port !== undefined));
  return {
    http: await choosePort(config.REACHBACK_HTTP_PORT, 'REACHBACK_HTTP_PORT', defaultPorts.http, taken),
    nats: await choosePort(config.REACHBACK_NATS_PORT, 'REACHBACK_NATS_PORT', defaultPorts.nats, taken),
    postgres: await choosePort(undefined, '', defaultPorts.postgres, taken),
    gateways: await chooseGateways(config.gateways, taken),
  };
};

/** Says of a port that is not the usual one why that is so. */
export const noteOn = (kind: 'http' | 'nats', port: number, config: UpConfig): string => {
  const asked = kind === 'http' ? config.REACHBACK_HTTP_PORT : config.REACHBACK_NATS_PORT;
  return asked === undefined && port !== defaultPorts[kind] ? ` (${defaultPorts[kind]} is taken)` : '';
};

/** Where the broker is, and the folder of keys by which agents are let in; without keys it asks nobody who he is. */
export type Broker = { readonly url: string; readonly keys: string | undefined };

export const startBroker = async (
  config: UpConfig,
  folder: string,
  { nats: port, gateways }: Pick<Ports, 'nats' | 'gateways'>,
  databaseUrl: string,
  started: PartStarted,
): Promise<Broker> => {
  if (config.REACHBACK_NATS_URL) return { url: config.REACHBACK_NATS_URL, keys: config.REACHBACK_NATS_KEYS };
  const program = await step(
    'Finding nats-server',
    () => findNatsServer(say),
    (path) => `: ${path}`,
  );
  const lanes = (await lanesThere(databaseUrl)) ?? config.REACHBACK_LANES ?? 1;
  // Every broker understands these, also one that cannot transform the subjects of a stream.
  const mappings = lanes > 1 ? laneMappings(lanes) : [];
  const own = join(folder, 'nats');
  const keys = config.open ? undefined : join(own, 'keys');
  const operator = keys && (await operatorOf(keys, join(own, 'accounts'), lanes));
  const start = () => startNats({ program, port, folder: own, gateways, ...(operator ? { operator } : { mappings }) });
  const { url } = (await step('Starting NATS', () => keepRunning('NATS', start, started))).current();
  return { url, keys };
};

/** What makes the broker ask everybody who he is, with keys that are made at the first start. */
const operatorOf = async (keys: string, accounts: string, lanes: number): Promise<OperatorConfiguration> => {
  const identity = await ensureIdentity(keys, lanes);
  return {
    configuration: brokerConfiguration(identity, accounts),
    credentials: identity.serverCredentials,
    account: identity.authority.accounts.server,
  };
};

const lanesThere = async (databaseUrl: string): Promise<number | undefined> => {
  const db = openDatabase({ url: databaseUrl, connections: 1, name: 'reachback up' });
  return readLaneCount(db).finally(() => db.end());
};

export const startDatabase = async (
  config: UpConfig,
  folder: string,
  port: number,
  started: PartStarted,
): Promise<string> => {
  if (config.REACHBACK_DATABASE_URL) return config.REACHBACK_DATABASE_URL;
  const start = () => startPostgres({ port, folder: join(folder, 'postgres') });
  return (await step('Starting Postgres', () => keepRunning('Postgres', start, started))).current().url;
};

/** Ends what an `up` that was killed has left behind, so that its ports and its data are free again. */
export const endOrphans = async (folder: string): Promise<void> => {
  await endOrphanServer(join(folder, 'logs'));
  await endOrphan(natsPidFile(join(folder, 'nats')), 'nats-server', 'SIGTERM');
  await endOrphan(postgresPidFile(join(folder, 'postgres')), 'postgres', 'SIGINT');
};

export type ServerEnvironment = { readonly broker: Broker; readonly databaseUrl: string; readonly adminKey: string };

export const startServerPart = async (
  config: UpConfig,
  folder: string,
  port: number,
  { broker, databaseUrl, adminKey }: ServerEnvironment,
  started: PartStarted,
): Promise<string> => {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    REACHBACK_NATS_URL: broker.url,
    REACHBACK_NATS_KEYS: broker.keys,
    REACHBACK_DATABASE_URL: databaseUrl,
    REACHBACK_ADMIN_KEY: adminKey,
    REACHBACK_HTTP_PORT: String(port),
    REACHBACK_HTTP_HOST: '127.0.0.1',
    REACHBACK_LOG_LEVEL: config.REACHBACK_LOG_LEVEL,
  };
  const start = () => startServerChild({ env, port, logFolder: join(folder, 'logs') });
  return step('Starting the server', async () => {
    const server = await keepRunning('the server', start, started);
    await untilReady(server.current().url);
    return server.current().url;
  });
};

const readyTimeout = 120_000;

const untilReady = async (url: string): Promise<void> => {
  const deadline = Date.now() + readyTimeout;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline)
      throw new Error(`it is not ready after ${readyTimeout / 1000} s: ${await answer?.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
