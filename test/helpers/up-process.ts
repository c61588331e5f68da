import { expect } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyFreePort } from '#embedded';
import { until } from './conditions.js';
import { type RestClient, restClient } from './rest.js';

const script = join(import.meta.dirname, '../../scripts/run.mjs');

/** A `npm run up` that was started. */
export type Up = {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
};

export type UpReady = {
  readonly url: string;
  readonly natsUrl: string;
  readonly key: string;
  readonly rest: RestClient;
};

/** A folder in which `npm run up` is started, with its data in `data`. */
export type UpFolder = {
  readonly folder: string;
  readonly data: string;
  readonly start: (env?: Readonly<Record<string, string>>, args?: readonly string[], uid?: number) => Up;
  /** The addresses in the ready line, once it is there. */
  readonly untilReady: (up: Up) => Promise<UpReady>;
  /** Ends what was started; nothing may be left of it. */
  readonly end: () => Promise<void>;
};

export const upFolder = async (): Promise<UpFolder> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-test-up-'));
  const data = join(folder, 'data');
  const running: Up[] = [];
  return {
    folder,
    data,
    start: (env = {}, args = [], uid) => {
      let output = '';
      const child = spawn(process.execPath, [script, 'up', ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], HOME: folder, REACHBACK_DATA: data, ...env },
        ...(uid === undefined ? {} : { uid, gid: uid }),
      });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)));
      const exited = once(child, 'close').then(([code]) => code as number | null);
      const up = { process: child, output: () => output, exited };
      running.push(up);
      return up;
    },
    untilReady: async (up) => {
      let ended = false;
      void up.exited.then(() => (ended = true));
      const output = await until(up.output, (text) => text.includes('Administrator key') || ended, { seconds: 60 });
      const [, url = '', natsUrl = ''] =
        /Reachback is ready: REST (\S+?)(?: \(.*?\))?, agents ((?:nats|tls):\S+)/.exec(output) ?? [];
      if (!url) throw new Error(`not ready:\n${output}`);
      const key = (await readFile(join(data, 'admin-key'), 'utf8')).trim();
      const ca = url.startsWith('https') ? await readFile(join(data, 'tls', 'ca.pem'), 'utf8') : undefined;
      return { url, natsUrl, key, rest: restClient({ url, key, ca }) };
    },
    end: async () => {
      for (const up of running) {
        up.process.kill('SIGINT');
        await up.exited;
      }
      expect(await processesOf(folder)).toEqual([]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Processes that have the folder in their command line or environment: whatever was started on it. */
export const processesOf = async (path: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const [line, env] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (line?.includes(path) || env?.includes(path)) found.push(`${pid} ${line?.replaceAll('\0', ' ')}`);
  }
  return found;
};

/** Ports for those that run beside others. */
export const inParallelPorts = async () => ({
  REACHBACK_HTTP_PORT: String(await anyFreePort()),
  REACHBACK_NATS_PORT: String(await anyFreePort()),
});
