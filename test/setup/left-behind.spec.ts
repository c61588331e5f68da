import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyFreePort, noteTestProcess } from '#embedded';

const root = join(import.meta.dirname, '../..');
const idle = (name: string): ChildProcess =>
  spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', name], { stdio: 'ignore' });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reachback-test-processes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('when a test run is gone, what its tests had started and not ended is ended, and nothing else', async () => {
  const [left, another] = [idle('left-behind'), idle('of-somebody-else')];
  try {
    await noteTestProcess(left.pid, 'left-behind', folder);
    // As if its id had been given to somebody else since.
    await noteTestProcess(another.pid, 'one-that-has-ended', folder);
    const gone = once(left, 'exit');
    const undertaker = spawn(process.execPath, [join(root, 'test/setup/end-left-behind.mjs'), folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    undertaker.stdout.on('data', (data) => (said += String(data)));
    const done = once(undertaker, 'exit');
    undertaker.stdin.destroy();
    expect(await gone).toEqual([null, 'SIGINT']);
    expect(await done).toEqual([0, null]);
    expect(said).toBe(`Ended what a test had left behind: left-behind (${left.pid})\n`);
    expect(another.exitCode).toBe(null);
  } finally {
    for (const one of [left, another]) one.kill('SIGKILL');
  }
});

test('a server ends by itself when who started it is gone before it has begun', async () => {
  const nowhere = await anyFreePort();
  const server = fork(join(root, 'dist/apps/server/src/bundle.js'), ['--roles', 'api'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      REACHBACK_NATS_URL: `nats://127.0.0.1:${nowhere}`,
      REACHBACK_DATABASE_URL: `postgres://127.0.0.1:${nowhere}/none`,
      REACHBACK_ADMIN_KEY: 'test-administrator-key',
      REACHBACK_HTTP_PORT: '0',
    },
  });
  try {
    const gone = once(server, 'exit');
    server.disconnect();
    const [code, signal] = (await gone) as [number | null, string | null];
    expect([signal, typeof code]).toEqual([null, 'number']);
  } finally {
    server.kill('SIGKILL');
  }
});
