import { afterAll } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../dist/apps/agent/src/bundle.js');

export type AgentProcess = {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
  readonly exited: Promise<number | null>;
};

const started: AgentProcess[] = [];

// One left running by a test that failed would keep the whole run from ending.
afterAll(() => Promise.all(started.map(({ end }) => end('SIGKILL'))));

/** The reference agent's command line in a process of its own. */
export const startAgentProcess = (args: readonly string[]): AgentProcess => {
  let output = '';
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const agent = {
    process: child,
    output: () => output,
    exited,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await exited;
    },
  };
  started.push(agent);
  return agent;
};
