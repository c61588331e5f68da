import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import {
  anyFreePort,
  findNatsServer,
  isPortFree,
  nextFreePort,
  onFreePort,
  PortTakenError,
  SetupError,
  startNats,
  startPostgres,
  startTestNats,
  startTestPostgres,
  supervise,
  takeDataFolder,
} from './index.js';

const inTemporaryFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-test-'));
  await use(folder).finally(() => rm(folder, { recursive: true, force: true }));
};

test('a killed Postgres comes back on the same data', async () => {
  const server = await startTestPostgres();
  try {
    const write = postgres(server.url, { max: 1 });
    await write`CREATE TABLE kept AS SELECT 42 AS answer`;
    await write.end();
    await server.kill();
    await server.start();
    const read = postgres(server.url, { max: 1 });
    expect(await read`SELECT answer FROM kept`).toEqual([{ answer: 42 }]);
    await read.end();
  } finally {
    await server.stop();
  }
});

test('a Postgres without the right password lets nobody in', async () => {
  const server = await startTestPostgres();
  const url = new URL(server.url);
  url.password = 'wrong';
  const db = postgres(url.href, { max: 1 });
  await expect(db`SELECT 1`).rejects.toThrow('password authentication failed');
  await db.end();
  await server.stop();
});

test('a supervised server that dies is started again, and said so', () =>
  inTemporaryFolder(async (folder) => {
    const [program, port] = [await findNatsServer(), await anyFreePort()];
    const said: string[] = [];
    let isBack = (): void => undefined;
    const back = new Promise<void>((resolve) => (isBack = resolve));
    const broker = await supervise({
      start: () => startNats({ program, folder, port }),
      onDeath: (words) => said.push(words.split('\n')[0] ?? ''),
      onRestart: isBack,
      onFailure: (error) => said.push(String(error)),
    });
    const first = broker.current().pid;
    process.kill(first, 'SIGKILL');
    await back;
    expect(said).toEqual(['SIGKILL']);
    expect(broker.current().pid).not.toBe(first);
    await broker.stop();
    expect(await isPortFree(port)).toBe(true);
  }));

test('a port that is taken is passed over', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address && typeof address === 'object' ? address.port : 0;
  expect(await isPortFree(port)).toBe(false);
  expect(await nextFreePort(port)).toBeGreaterThan(port);
  server.close();
});

test('a broker, and a Postgres, that somebody else has taken the port of is not mistaken for ours', () =>
  inTemporaryFolder(async (folder) => {
    const [nats, database] = await Promise.all([startTestNats(), startTestPostgres()]);
    const program = await findNatsServer();
    await expect(startNats({ program, folder: join(folder, 'nats'), port: nats.port })).rejects.toThrow(PortTakenError);
    const cluster = { folder: join(folder, 'postgres') };
    await expect(startPostgres({ ...cluster, port: database.port })).rejects.toThrow(PortTakenError);
    const ours = await onFreePort(database.port, new Set([database.port + 1]), (port) =>
      // The first look finds a port free that is taken by the time of the attempt.
      startPostgres({ ...cluster, port: port === database.port + 2 ? database.port : port }),
    );
    expect(ours.port).toBeGreaterThan(database.port + 2);
    await Promise.all([ours.stop(), nats.stop(), database.stop()]);
  }));

test('a data folder has one user at a time', () =>
  inTemporaryFolder(async (folder) => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(other, 'spawn');
    await writeFile(join(folder, 'up.pid'), String(other.pid));
    await expect(takeDataFolder(folder)).rejects.toThrow(`process ${other.pid}`);
    await expect(takeDataFolder(folder)).rejects.toBeInstanceOf(SetupError);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const taken = await takeDataFolder(folder);
    await taken.release();
  }));

test('a data folder that cannot be made is a clear error', () =>
  inTemporaryFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '');
    await expect(takeDataFolder(join(folder, 'file', 'data'))).rejects.toThrow('Set REACHBACK_DATA');
  }));
