import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A server of ours that runs as a child process. */
export type RunningServer = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process has ended, with what it said last. */
  readonly exited: Promise<string>;
  /** Asks it to end, and waits until it has. */
  readonly stop: () => Promise<void>;
  /** SIGKILL, and waits. */
  readonly kill: () => Promise<void>;
};

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The signal that makes it shut down in order. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM';
  readonly onLine?: ((line: string) => void) | undefined;
};

export type Child = Pick<RunningServer, 'pid' | 'exited' | 'stop' | 'kill'>;

/** Lines kept to say why a process ended. */
const keptLines = 12;

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches us alone and we can end things in
 * order.
 */
export const startChild = ({ command, args, env, stopSignal, onLine }: ChildOptions): Child => {
  const child = spawn(command, [...args], {
    env: env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = keepLines(child, onLine);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve([`${signal ?? `exit code ${code}`}`, ...lines].join('\n')));
  });
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return { pid: child.pid ?? 0, exited, stop: end(stopSignal), kill: end('SIGKILL') };
};

const keepLines = (child: ChildProcess, onLine: ((line: string) => void) | undefined): readonly string[] => {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      onLine?.(line);
    });
  }
  return lines;
};

/**
 * Waits until `probe` succeeds.
 *
 * @throws when the process ends first, with its last words, or when it takes too long
 */
export const untilReady = async (
  name: string,
  child: Child,
  probe: () => Promise<boolean>,
  seconds = 60,
): Promise<void> => {
  let ended: string | undefined;
  void child.exited.then((words) => (ended = words));
  const deadline = Date.now() + seconds * 1000;
  while (!(await probe())) {
    if (ended !== undefined) throw new Error(`${name} ended at its start: ${ended}`);
    if (Date.now() > deadline) {
      await child.kill();
      throw new Error(`${name} was not ready after ${seconds} s.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
