import { connect, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyFreePort, findNatsServer, startNats, startPostgres } from '#embedded';
import { type Database, openDatabase } from '#event-log';
import type { Cleanup } from './cleanup.js';

/** A broker and a database of the run's own, in a temporary folder. */
export type Stack = {
  readonly folder: string;
  readonly natsUrl: string;
  readonly natsPid: number;
  readonly databaseUrl: string;
  readonly postgresPid: number;
  readonly nats: NatsConnection;
  readonly db: Database;
  /** Another, empty database on the same Postgres; its address. */
  readonly createDatabase: (name: string) => Promise<string>;
};

/**
 * Starts both as `npm run up` does. One setting is added: Postgres keeps the time of each commit, which is how lag and
 * lateness are measured after the fact, without a probe in the way.
 */
export const startStack = async (cleanup: Cleanup, say: (text: string) => void): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-bench-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const program = await findNatsServer(say);
  const broker = await startNats({ program, folder: join(folder, 'nats'), port: await anyFreePort() });
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
  const nats = await connect({ servers: broker.url, maxReconnectAttempts: 0 });
  cleanup.add(() => nats.close());
  return {
    folder,
    natsUrl: broker.url,
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
