import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import type { RunningServer } from './child.js';
import { findNatsServer } from './find-nats.js';
import { type NatsOptions, type OperatorConfiguration, startNats } from './nats.js';
import { anyFreePort } from './ports.js';
import { startPostgres } from './postgres.js';
import { noteTestProcess } from './test-processes.js';

/** A server for tests in a folder of its own, which goes with it. */
export type TestServer = {
  readonly url: string;
  readonly port: number;
  readonly pid: () => number;
  /** SIGKILL; the data stays. */
  readonly kill: () => Promise<void>;
  /** Starts it on the same port and data. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const testServer = async (
  name: string,
  startOne: (folder: string, port: number) => Promise<RunningServer>,
  within = tmpdir(),
): Promise<TestServer> => {
  const folder = await mkdtemp(join(within, `reachback-test-${name}-`));
  const port = await anyFreePort();
  const start: typeof startOne = async (...where) => {
    const started = await startOne(...where);
    await noteTestProcess(started.pid, folder);
    return started;
  };
  let server = await start(folder, port);
  return {
    url: server.url,
    port,
    pid: () => server.pid,
    kill: () => server.kill(),
    start: async () => {
      server = await start(folder, port);
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export type TestNatsOptions = Pick<NatsOptions, 'mappings' | 'gateways'> & {
  /** The usual one, if it is not given. */
  readonly program?: string | undefined;
  /** What makes it ask who everybody is, by the broker's folder. */
  readonly operator?: (folder: string) => Promise<OperatorConfiguration>;
};

/** A broker of the test's own. */
export const startTestNats = async ({ operator, ...options }: TestNatsOptions = {}): Promise<TestServer> => {
  const program = options.program ?? (await findNatsServer());
  return testServer('nats', async (folder, port) =>
    startNats({ ...options, program, folder, port, ...(operator ? { operator: await operator(folder) } : {}) }),
  );
};

export type TestPostgresOptions = {
  /** Where its folder is made. */
  readonly within?: string;
  /** Further settings, as `name=value`. */
  readonly settings?: readonly string[];
};

/** A Postgres of the test's own: for those that kill it. A killed process loses nothing without fsync. */
export const startTestPostgres = ({ within, settings = [] }: TestPostgresOptions = {}): Promise<TestServer> => {
  const fast = ['fsync=off', 'full_page_writes=off', 'max_connections=200', ...settings];
  return testServer('postgres', (folder, port) => startPostgres({ folder, port, settings: fast }), within);
};

/** Where the Postgres is that a whole test run shares; set by the run's set-up. */
export const sharedPostgresVariable = 'REACHBACK_TEST_POSTGRES_URL';

/** The database there that has Reachback's tables and nothing in them: copied in a fifth of the time that making them takes. */
export const templateVariable = 'REACHBACK_TEST_TEMPLATE';

/**
 * A database of the test file's own on the run's Postgres: a copy of the one named, by default of the one that has
 * Reachback's tables and nothing in them.
 */
export const createTestDatabase = async (
  template = process.env[templateVariable],
): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> => {
  const shared = process.env[sharedPostgresVariable];
  if (!shared || !template) throw new Error(`${sharedPostgresVariable} is not set: run the tests with npm test.`);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const withAdmin = async (statement: (db: postgres.Sql) => Promise<unknown>) => {
    const db = postgres(shared, { max: 1, onnotice: () => undefined });
    await statement(db).finally(() => db.end());
  };
  await withAdmin((db) => db`CREATE DATABASE ${db(name)} TEMPLATE ${db(template)}`);
  const url = new URL(shared);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => withAdmin((db) => db`DROP DATABASE IF EXISTS ${db(name)} WITH (FORCE)`) };
};
