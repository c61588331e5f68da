import { fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endOrphan, type RunningServer } from '#embedded';
import { warn } from './progress.js';

const main = fileURLToPath(new URL('../../server/src/bundle.js', import.meta.url));
/** A log file larger than this is put aside at the next start, in bytes; one is kept. */
const largestLog = 50_000_000;
const warnLevel = 40;
const keptLines = 12;

const pidFileIn = (folder: string): string => join(folder, 'server.pid');

/** Ends a server that outlived an `up` that was killed. */
export const endOrphanServer = (logFolder: string): Promise<void> => endOrphan(pidFileIn(logFolder), main, 'SIGTERM');

export type ServerOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly url: string;
  readonly port: number;
  readonly logFolder: string;
};

/** Starts the server as a child; its log goes to a file, warnings and errors also to the terminal. */
export const startServerChild = async ({ env, url, port, logFolder }: ServerOptions): Promise<RunningServer> => {
  await mkdir(logFolder, { recursive: true });
  const logFile = join(logFolder, 'server.log');
  const { size } = await stat(logFile).catch(() => ({ size: 0 }));
  if (size > largestLog) await rename(logFile, `${logFile}.1`);
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = fork(main, [], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  await writeFile(pidFileIn(logFolder), String(child.pid));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      showIfGrave(line);
    });
  }
  const exited = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      log.end();
      resolve([signal ?? `exit code ${code}`, ...lines.filter((line) => !line.startsWith('{'))].join('\n'));
    });
  });
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  const started = new Promise<true>((resolve) => child.once('message', () => resolve(true)));
  const ended = await Promise.race([started, exited]);
  if (ended !== true) throw new Error(`the server ended at its start: ${ended}`);
  return {
    url,
    port,
    pid: child.pid ?? 0,
    exited,
    stop: end('SIGTERM'),
    kill: end('SIGKILL'),
  };
};

const showIfGrave = (line: string): void => {
  if (!line.startsWith('{')) return;
  try {
    const { level, msg, error } = JSON.parse(line) as {
      level: number;
      msg: string;
      error?: string | { message: string };
    };
    const reason = typeof error === 'string' ? error : error?.message;
    if (level >= warnLevel) warn(`server: ${msg}${reason === undefined ? '' : ` (${reason})`}`);
  } catch {
    // Not a line of the log; it is in the file.
  }
};
