import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.js';

/** A Node process of ours that ends when we do. */
export type NodeChild = {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<void>;
  /** What it said last, for when it ends unasked. */
  readonly words: () => string;
  /** SIGTERM, and SIGKILL if it takes too long; waits. */
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
};

export type NodeChildOptions = {
  readonly main: URL;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly nodeOptions?: readonly string[];
};

const stopTimeout = 15_000;
const keptCharacters = 4_000;

/** Forks a module, in a process group of its own: Ctrl-C in the terminal reaches the benchmark alone. */
export const startNodeChild = (
  cleanup: Cleanup,
  { main, args = [], env = process.env, nodeOptions = [] }: NodeChildOptions,
): NodeChild => {
  const child = fork(fileURLToPath(main), [...args], {
    detached: true,
    env,
    execArgv: [...nodeOptions],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => (words = (words + String(data)).slice(-keptCharacters)));
  }
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeout);
    await exited;
    clearTimeout(timer);
  };
  const forget = cleanup.add(() => end('SIGTERM'));
  return {
    process: child,
    pid: child.pid ?? 0,
    exited,
    words: () => words,
    stop: forget,
    kill: async () => {
      await end('SIGKILL');
      await forget();
    },
  };
};

/** The next message of a child. @throws when it ends instead, with what it said last */
export const nextMessage = async <T>(child: NodeChild): Promise<T> => {
  const message = new Promise<T>((resolve) => child.process.once('message', (value) => resolve(value as T)));
  const ended = child.exited.then(() => Promise.reject(new Error(`A process ended unasked: ${child.words()}`)));
  return Promise.race([message, ended]);
};

/** Gives a child one order after the other: an answer belongs to the order before it. */
export const orderly = <Order extends object, Answer>(child: NodeChild): ((order: Order) => Promise<Answer>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (order) => {
    const answer = last.then(() => {
      const answered = nextMessage<Answer>(child);
      // One that has ended takes no order; nextMessage says so.
      child.process.send(order, () => undefined);
      return answered;
    });
    last = answer.catch(() => undefined);
    return answer;
  };
};
