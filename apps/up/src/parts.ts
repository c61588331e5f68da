import { join } from 'node:path';
import {
  endOrphan,
  type Gateways,
  natsPidFile,
  onFreePort,
  postgresPidFile,
  type RunningServer,
  startPostgres,
  supervise,
  type Supervised,
} from '#embedded';
import type { Broker } from './broker.js';
import type { UpCertificate } from './certificate.js';
import { choosePort } from './choose-port.js';
import type { UpConfig } from './config.js';
import { chooseGateways } from './gateways.js';
import { say, step, warn } from './progress.js';
import { restOf } from './rest.js';
import { endOrphanServer, startServerChild } from './server-child.js';

const defaultPorts = { http: 8080, nats: 4222, postgres: 5432 } as const;

/** A part of the running system. */
export type Part = { readonly name: string; readonly server: Supervised };
export type PartStarted = (part: Part) => void;

/** Starts a part, and starts it again whenever it dies. */
export const keepRunning = async (
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

export type Ports = { readonly http: number; readonly nats: number; readonly gateways: Gateways };

export const choosePorts = async (config: UpConfig): Promise<Ports> => {
  const taken = new Set([config.REACHBACK_HTTP_PORT, config.REACHBACK_NATS_PORT].filter((port) => port !== undefined));
  return {
    http: await choosePort(config.REACHBACK_HTTP_PORT, 'REACHBACK_HTTP_PORT', defaultPorts.http, taken),
    nats: await choosePort(config.REACHBACK_NATS_PORT, 'REACHBACK_NATS_PORT', defaultPorts.nats, taken),
    gateways: await chooseGateways(config.gateways, taken),
  };
};

/** Says of a port that is not the usual one why that is so. */
export const noteOn = (kind: 'http' | 'nats', port: number, config: UpConfig): string => {
  const asked = kind === 'http' ? config.REACHBACK_HTTP_PORT : config.REACHBACK_NATS_PORT;
  return asked === undefined && port !== defaultPorts[kind] ? ` (${defaultPorts[kind]} is taken)` : '';
};

export const startDatabase = async (
  config: UpConfig,
  folder: string,
  others: Ports,
  started: PartStarted,
): Promise<string> => {
  if (config.REACHBACK_DATABASE_URL) return config.REACHBACK_DATABASE_URL;
  const startOn = (port: number) =>
    keepRunning('Postgres', () => startPostgres({ port, folder: join(folder, 'postgres') }), started);
  const { http, nats, gateways } = others;
  const taken = new Set([http, nats, gateways.mqtt, gateways.webSocket].filter((port) => port !== undefined));
  return (await step('Starting Postgres', () => onFreePort(defaultPorts.postgres, taken, startOn))).current().url;
};

/** Ends what an `up` that was killed has left behind, so that its ports and its data are free again. */
export const endOrphans = async (folder: string): Promise<void> => {
  await endOrphanServer(join(folder, 'logs'));
  await endOrphan(natsPidFile(join(folder, 'nats')), 'nats-server', 'SIGTERM');
  await endOrphan(postgresPidFile(join(folder, 'postgres')), 'postgres', 'SIGINT');
};

export type ServerEnvironment = {
  readonly broker: Broker;
  readonly databaseUrl: string;
  readonly adminKey: string;
  readonly certificate: UpCertificate | undefined;
};

export const startServerPart = async (
  config: UpConfig,
  folder: string,
  port: number,
  { broker, databaseUrl, adminKey, certificate }: ServerEnvironment,
  started: PartStarted,
): Promise<string> => {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    REACHBACK_NATS_URL: broker.url,
    REACHBACK_NATS_KEYS: broker.keys,
    REACHBACK_NATS_CA: broker.ca,
    REACHBACK_NATS_NAME: broker.name,
    REACHBACK_TLS_CERT: certificate?.files.cert,
    REACHBACK_TLS_KEY: certificate?.files.key,
    REACHBACK_DATABASE_URL: databaseUrl,
    REACHBACK_ADMIN_KEY: adminKey,
    REACHBACK_HTTP_PORT: String(port),
    REACHBACK_HTTP_HOST: '127.0.0.1',
    REACHBACK_LOG_LEVEL: config.REACHBACK_LOG_LEVEL,
  };
  const url = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`;
  const start = () => startServerChild({ env, url, port, logFolder: join(folder, 'logs') });
  return step('Starting the server', async () => {
    await keepRunning('the server', start, started);
    await untilReady(url, certificate);
    return url;
  });
};

const readyTimeout = 120_000;

const untilReady = async (url: string, certificate: UpCertificate | undefined): Promise<void> => {
  const rest = restOf(url, certificate);
  const deadline = Date.now() + readyTimeout;
  for (;;) {
    const answer = await rest.send('GET', '/readyz').catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`it is not ready after ${readyTimeout / 1000} s: ${answer?.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
