import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyFreePort, findNatsServer, startNats, startPostgres } from '#embedded';
import { type Database, openDatabase } from '#event-log';
import { brokerTls } from '#tls';
import type { Reach } from '../load/reach.js';
import { type Access, type Door, makeDoor } from './access.js';
import type { Cleanup } from './cleanup.js';

/** A broker and a database of the run's own, in a temporary folder. */
export type Stack = {
  readonly folder: string;
  readonly natsUrl: string;
  readonly natsPid: number;
  readonly databaseUrl: string;
  readonly postgresPid: number;
  readonly nats: NatsConnection;
  readonly door: Door;
  /** For generators: as the user that speaks for all clients, where the broker asks who one is. */
  readonly broker: Reach;
  readonly db: Database;
  /** Another, empty database on the same Postgres; its address. */
  readonly createDatabase: (name: string) => Promise<string>;
};

/**
 * Starts both as `npm run up` does. One setting is added: Postgres keeps the time of each commit, which is how lag and
 * lateness are measured after the fact, without a probe in the way.
 */
export const startStack = async (
  cleanup: Cleanup,
  say: (text: string) => void,
  { access = 'open' }: { readonly access?: Access } = {},
): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-bench-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const program = await findNatsServer(say);
  const door = await makeDoor(cleanup, access, folder);
  const { operator, tls } = door;
  const own = { program, folder: join(folder, 'nats'), port: await anyFreePort() };
  const broker = await startNats({ ...own, ...(operator && { operator }), ...(tls && { tls }) });
  cleanup.add(broker.kill);
  const postgres = await startPostgres({
    folder: join(folder, 'postgres'),
    port: await anyFreePort(),
    settings: ['track_commit_timestamp=on'],
  });
  cleanup.add(async () => {
    // At once, without a checkpoint of data that nobody will read; unlike SIGKILL it frees the shared memory.
    process.kill(postgres.pid, 'SIGQUIT');
    await postgres.exited;
  });
  const db = openDatabase({ url: postgres.url, connections: 4, name: 'reachback bench' });
  cleanup.add(() => db.end({ timeout: 1 }));
  const authenticator = operator && credsAuthenticator(new TextEncoder().encode(operator.credentials));
  const nats = await connect({
    servers: broker.url,
    maxReconnectAttempts: 0,
    ...brokerTls(broker.url, tls),
    ...(authenticator && { authenticator }),
  });
  cleanup.add(() => nats.close());
  return {
    folder,
    natsUrl: broker.url,
    door,
    broker: { url: broker.url, credentials: door.fleet, ca: tls?.caText },
    natsPid: broker.pid,
    databaseUrl: postgres.url,
    postgresPid: postgres.pid,
    nats,
    db,
    createDatabase: async (name) => {
      await db`CREATE DATABASE ${db(name)}`;
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      return url.href;
    },
  };
};
