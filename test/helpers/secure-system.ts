import { nkeys } from '@nats-io/transport-node';
import { createTestDatabase, type Gateways } from '#embedded';
import { until } from './conditions.js';
import { restClient, type RestClient } from './rest.js';
import { type SecureBroker, startSecureBroker } from './secure-broker.js';
import { type ServerProcess, startServerProcess } from './server-process.js';

/** A Reachback of the test file's own whose broker lets in only who has enrolled. */
export type SecureSystem = {
  readonly broker: SecureBroker;
  readonly databaseUrl: string;
  server: ServerProcess;
  rest: RestClient;
  /** Another server on the same broker and database; ended with the system. */
  readonly startServer: () => Promise<ServerProcess>;
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export const startSecureSystem = async (
  program: string | undefined,
  env: Readonly<Record<string, string>> = {},
  gateways: Gateways = {},
): Promise<SecureSystem> => {
  const [broker, database] = await Promise.all([startSecureBroker({ program, gateways }), createTestDatabase()]);
  const started: ServerProcess[] = [];
  const startServer = async (): Promise<ServerProcess> => {
    const all = { REACHBACK_NATS_KEYS: broker.keys, ...env };
    const server = await startServerProcess({ natsUrl: broker.url, databaseUrl: database.url, env: all });
    started.push(server);
    await until(() => restClient(server).get('/readyz'));
    return server;
  };
  const server = await startServer();
  const system: SecureSystem = {
    broker,
    databaseUrl: database.url,
    server,
    rest: restClient(server),
    startServer,
    restart: async () => {
      await system.server.stop();
      system.server = await startServer();
      system.rest = restClient(system.server);
    },
    stop: async () => {
      for (const one of started) await one.stop();
      await broker.stop();
      await database.drop();
    },
  };
  return system;
};

/** The key pair of a machine that enrols. */
export const makeKey = (): { readonly publicKey: string; readonly seed: Uint8Array } => {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: pair.getSeed() };
};

export type NewToken = { readonly id: string; readonly token: string };

export const makeToken = async (rest: RestClient, body: object = {}): Promise<NewToken> => {
  const { status, body: token } = await rest.send<NewToken>('POST', '/v1/enrolment-tokens', body);
  if (status !== 201) throw new Error(`no token: ${status} ${JSON.stringify(token)}`);
  return token;
};
