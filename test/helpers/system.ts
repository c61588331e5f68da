import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Client, WorkReply } from '#contracts';
import { createTestDatabase, startTestNats, type TestServer } from '#embedded';
import { restClient, type RestClient } from './rest.js';
import type { SecureBroker } from './secure-broker.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { until } from './conditions.js';

/** A whole Reachback of the test file's own: broker, database, server, an administrator, and a NATS client. */
export type System = {
  readonly broker: TestServer;
  readonly databaseUrl: string;
  readonly nats: NatsConnection;
  server: ServerProcess;
  rest: RestClient;
  /** A request of an agent; the answer as JSON. */
  readonly request: <T = WorkReply>(
    clientId: string,
    kind: string,
    payload?: unknown,
    options?: { readonly timeout: number },
  ) => Promise<T>;
  readonly publish: (clientId: string, kind: string, payload?: unknown) => void;
  readonly client: (id: string) => Promise<Client>;
  readonly untilStatus: (id: string, status: string) => Promise<Client>;
  /** Starts a server in the place of one that was stopped or killed, and waits until it is ready. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts one; on the Postgres that the test run shares, or on the one given. */
export const startSystem = async ({
  databaseUrl,
  logLevel,
  secure,
  nodeOptions,
}: {
  readonly databaseUrl?: string;
  readonly logLevel?: string;
  /** A broker that asks everybody who he is; the system's own NATS client speaks for all. */
  readonly secure?: SecureBroker;
  /** Options of Node for the server. */
  readonly nodeOptions?: readonly string[];
} = {}): Promise<System> => {
  const keep = async () => undefined;
  const [broker, database] = await Promise.all([
    secure ?? startTestNats(),
    databaseUrl === undefined ? createTestDatabase() : { url: databaseUrl, drop: keep },
  ]);
  const env: Record<string, string> = secure ? { REACHBACK_NATS_KEYS: secure.keys } : {};
  const parts = { natsUrl: broker.url, databaseUrl: database.url, logLevel, env, nodeOptions };
  const server = await startServerProcess(parts);
  const nats = await connect({
    servers: broker.url,
    // A broker cuts off who takes seconds to sign, and the client does not notice (3.4.0): it dials again.
    timeout: 5_000,
    waitOnFirstConnect: true,
    reconnectTimeWait: 100,
    maxReconnectAttempts: -1,
    ...secure?.fleet(),
  });
  const bytesOf = (payload: unknown) =>
    payload === undefined
      ? ''
      : payload instanceof Uint8Array || typeof payload === 'string'
        ? payload
        : JSON.stringify(payload);
  const system: System = {
    broker,
    databaseUrl: database.url,
    nats,
    server,
    rest: restClient(server),
    request: async <T>(clientId: string, kind: string, payload?: unknown, options = { timeout: 10_000 }) =>
      (await nats.request(`reachback.v1.${clientId}.${kind}`, bytesOf(payload), options)).json<T>(),
    publish: (clientId, kind, payload) => nats.publish(`reachback.v1.${clientId}.${kind}`, bytesOf(payload)),
    client: (id) => system.rest.get<Client>(`/v1/clients/${id}`),
    untilStatus: (id, status) =>
      until(
        () => system.client(id),
        (client) => client.status === status,
      ),
    restart: async () => {
      system.server = await startServerProcess(parts);
      system.rest = restClient(system.server);
      await untilReady(system);
    },
    stop: async () => {
      await nats.close();
      await system.server.stop();
      await broker.stop();
      await database.drop();
    },
  };
  await untilReady(system);
  return system;
};

export const untilReady = (system: System): Promise<unknown> => until(() => system.rest.get('/readyz'));
