import { join } from 'node:path';
import { laneMappings } from '#contracts';
import { findNatsServer, type OperatorConfiguration, startNats } from '#embedded';
import { openDatabase, readLaneCount } from '#event-log';
import { brokerConfiguration, ensureIdentity } from '#identity';
import type { UpCertificate } from './certificate.js';
import type { UpConfig } from './config.js';
import { keepRunning, type PartStarted, type Ports } from './parts.js';
import { say, step } from './progress.js';

/**
 * Where the broker is, the folder of keys by which agents are let in, and by whose certificate it is trusted; without keys it
 * asks nobody who he is.
 */
export type Broker = {
  readonly url: string;
  readonly keys: string | undefined;
  readonly ca?: string | undefined;
  /** The name in its certificate, where we reach it by another. */
  readonly name?: string | undefined;
};

export const startBroker = async (
  config: UpConfig,
  folder: string,
  { nats: port, gateways }: Pick<Ports, 'nats' | 'gateways'>,
  { databaseUrl, certificate }: { databaseUrl: string; certificate: UpCertificate | undefined },
  started: PartStarted,
): Promise<Broker> => {
  if (config.REACHBACK_NATS_URL) {
    return { url: config.REACHBACK_NATS_URL, keys: config.REACHBACK_NATS_KEYS, ca: config.REACHBACK_NATS_CA };
  }
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
  const settings = { program, port, folder: own, gateways, ...(certificate && { tls: certificate }) };
  const start = () => startNats({ ...settings, ...(operator ? { operator } : { mappings }) });
  const server = await step('Starting NATS', () => keepRunning('NATS', start, started));
  await certificate?.follow(() => reload(server.current().pid));
  return { url: server.current().url, keys, ca: certificate?.ca, name: certificate?.name };
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

/** Has a broker read its certificate again. */
const reload = (pid: number): void => {
  try {
    process.kill(pid, 'SIGHUP');
  } catch {
    // It has died, is started again, and reads it then.
  }
};
