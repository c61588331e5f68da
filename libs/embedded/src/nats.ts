import { connect as connectNats, credsAuthenticator } from '@nats-io/transport-node';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brokerTls, type PairFiles } from '#tls';
import { carryStreams, globalAccount } from './carry-streams.js';
import { gatewayConfiguration, type Gateways, tlsBlock } from './gateways.js';
import { type RunningServer, startChild, untilReady } from './child.js';
import { endOrphan } from './orphans.js';
import { asPortTaken } from './ports.js';

export type NatsOptions = {
  /** The `nats-server` to run; see {@link findNatsServer}. */
  readonly program: string;
  /** Holds the streams; made if it is missing. */
  readonly folder: string;
  readonly port: number;
  /** Subjects to be published under others, by the pattern they match. */
  readonly mappings?: Mappings;
  /** Without it the broker asks nobody who he is. */
  readonly operator?: OperatorConfiguration;
  readonly gateways?: Gateways;
  /** With it the broker speaks TLS and nothing else. */
  readonly tls?: NatsTls;
  readonly onLine?: (line: string) => void;
};

/** What makes a broker ask everybody who he is. */
export type OperatorConfiguration = {
  /** Text of the configuration: operator, accounts, and where they are kept. */
  readonly configuration: string;
  /** Of a user of the account that has JetStream: by it we see that the broker is ready. */
  readonly credentials: string;
  /** The public key of that account. */
  readonly account: string;
};

export type NatsTls = {
  /** The broker reads them again on SIGHUP; 2.9 then ends all connections, a newer one (2.15.2) none. */
  readonly files: PairFiles;
  /** By which we see that the broker is ready: the authority's certificate, and a name in the broker's. */
  readonly ca?: string | undefined;
  readonly name?: string | undefined;
};

type Mappings = readonly (readonly [from: string, to: string])[];

export const natsPidFile = (folder: string): string => join(folder, 'nats.pid');

/**
 * Starts a broker with JetStream on loopback.
 *
 * @throws {PortTakenError} when somebody else listens on its port
 */
export const startNats = async ({
  program,
  folder,
  port,
  mappings = [],
  operator,
  gateways = {},
  tls,
  onLine,
}: NatsOptions): Promise<RunningServer> => {
  await mkdir(folder, { recursive: true });
  const pidFile = natsPidFile(folder);
  await endOrphan(pidFile, 'nats-server', 'SIGTERM');
  await carryStreams(join(folder, 'jetstream'), operator?.account ?? globalAccount);
  const config = join(folder, 'nats.conf');
  const parts = [configOf(folder, port, mappings), tlsConfigOf(tls), gatewayConfiguration(gateways, tls?.files)];
  await writeFile(config, parts.join('') + (operator?.configuration ?? ''));
  for (const file of await portsFilesIn(folder)) await rm(join(folder, file), { force: true });
  const child = startChild({ command: program, args: ['-c', config, '-P', pidFile], stopSignal: 'SIGTERM', onLine });
  const url = `${tls ? 'tls' : 'nats'}://127.0.0.1:${port}`;
  // Another broker on the port would answer as well as ours.
  const isReady = async () =>
    (await portsFilesIn(folder)).length > 0 && (await answers(url, operator?.credentials, tls));
  await untilReady('NATS', child, isReady).catch(asPortTaken);
  return { ...child, port, url };
};

/** A broker that has all its ports writes so into its folder. */
const portsFilesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.ports'));

/**
 * `write_deadline`: how long a slow agent may hold up what is meant for it before it is cut off. `disable_sublist_cache`:
 * every client speaks on subjects of its own, so what the broker remembers of a subject is thrown away unused.
 */
const configOf = (folder: string, port: number, mappings: Mappings): string => `
host: "127.0.0.1"
port: ${port}
ports_file_dir: ${JSON.stringify(folder)}
max_payload: 1MB
write_deadline: "10s"
disable_sublist_cache: true
jetstream {
  store_dir: ${JSON.stringify(join(folder, 'jetstream'))}
  max_memory_store: 256MB
  max_file_store: 20GB
}
${mappings.length > 0 ? `mappings = ${JSON.stringify(Object.fromEntries(mappings), undefined, 2)}` : ''}
`;

const tlsConfigOf = (tls: NatsTls | undefined): string =>
  tls === undefined
    ? ''
    : `
${tlsBlock(tls.files)}
`;

const answers = async (url: string, credentials: string | undefined, tls: NatsTls | undefined): Promise<boolean> => {
  const authenticator = credentials && credsAuthenticator(new TextEncoder().encode(credentials));
  try {
    const connection = await connectNats({
      servers: url,
      reconnect: false,
      // Not too short: a client that takes longer to sign, and is cut off while it connects, never says so (3.4.0).
      timeout: 10_000,
      ...brokerTls(url, tls),
      ...(authenticator ? { authenticator } : {}),
    });
    try {
      // JetStream is ready a little later than the port.
      await connection.request('$JS.API.INFO', undefined, { timeout: 1_000 });
      return true;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
};
