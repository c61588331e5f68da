import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { noteTestProcess } from '#embedded';

/** The built server as it runs in production, in a process of its own. */
export type ServerProcess = {
  readonly url: string;
  readonly key: string;
  readonly process: ChildProcess;
  /** What it has logged so far. */
  readonly log: () => string;
  /** SIGTERM, and waits; its exit code. */
  readonly stop: () => Promise<number | null>;
  /** SIGKILL, and waits. */
  readonly kill: () => Promise<void>;
};

const main = join(import.meta.dirname, '../../dist/apps/server/src/bundle.js');
const key = 'test-administrator-key';

export type ServerOptions = {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly roles?: string;
  /** Any free one by default. */
  readonly port?: number;
  readonly logLevel?: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[] | undefined;
};

/** Starts a server, and does not wait for anything. */
export const forkServer = async ({
  natsUrl,
  databaseUrl,
  roles,
  port = 0,
  logLevel = 'info',
  env = {},
  nodeOptions = [],
}: ServerOptions) => {
  let logged = '';
  const child = fork(main, roles ? ['--roles', roles] : [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [...nodeOptions],
    env: {
      PATH: process.env['PATH'],
      REACHBACK_NATS_URL: natsUrl,
      REACHBACK_DATABASE_URL: databaseUrl,
      REACHBACK_ADMIN_KEY: key,
      REACHBACK_HTTP_PORT: String(port),
      REACHBACK_LOG_LEVEL: logLevel,
      ...env,
    },
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (logged += String(data)));
  const exited = once(child, 'exit');
  const started = once(child, 'message') as Promise<[{ readonly port?: number }]>;
  await noteTestProcess(child.pid, main);
  return { child, exited, started, log: () => logged };
};

/** Starts a server and waits until it listens; it may still be waiting for intake to recover. */
export const startServerProcess = async (options: ServerOptions): Promise<ServerProcess> => {
  const { child, exited, started, log } = await forkServer(options);
  const first = await Promise.race([started, exited.then(() => undefined)]);
  if (!first) throw new Error(`The server ended at its start:\n${log()}`);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return {
    url: `http://127.0.0.1:${first[0].port ?? 0}`,
    key,
    process: child,
    log,
    stop: async () => {
      await end('SIGTERM');
      return child.exitCode;
    },
    kill: () => end('SIGKILL'),
  };
};
