import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestNats, type TestServer } from '#embedded';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';
import { endlessly, rawHttp } from '../helpers/raw-http.js';
import { restClient } from '../helpers/rest.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';
import { until } from '../helpers/conditions.js';

let broker: TestServer;
let database: TestDatabase;
/** With the REST API, and with health and metrics alone. */
let servers: Readonly<Record<'api' | 'project', ServerProcess>>;

beforeAll(async () => {
  [broker, database] = await Promise.all([startTestNats(), openTestDatabase()]);
  const start = (roles: string) => startServerProcess({ natsUrl: broker.url, databaseUrl: database.url, roles });
  servers = { api: await start('api'), project: await start('project') };
  for (const server of Object.values(servers)) await until(() => restClient(server).get('/readyz'));
});
afterAll(async () => {
  for (const server of Object.values(servers)) await server.stop();
  await broker.stop();
  await database.close();
});

const head = (key: string, length: number) =>
  `PATCH /v1/settings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

/** Asks for something all the while, on connections of its own; says how often, and how long the longest took. */
const askMeanwhile = async (server: ServerProcess, work: Promise<unknown>) => {
  let [isDone, asked, longest] = [false, 0, 0];
  void work.finally(() => (isDone = true)).catch(() => undefined);
  while (!isDone) {
    const began = Date.now();
    const { status } = await fetch(`${server.url}/healthz`, { headers: { Connection: 'close' } });
    expect(status).toBe(200);
    asked++;
    longest = Math.max(longest, Date.now() - began);
    await sleep(20);
  }
  return { asked, longest };
};

describe.each(['api', 'project'] as const)('a server with the role %s', (role) => {
  const server = () => servers[role];

  test('ends connections that say nothing or dribble their headers within seconds, and serves others meanwhile', async () => {
    const slow = [
      ...Array.from({ length: 40 }, () => rawHttp(server().url, [])),
      ...Array.from({ length: 40 }, () =>
        rawHttp(server().url, endlessly('GET /healthz HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'), 1_000),
      ),
    ];
    const all = Promise.all(slow);
    const { asked, longest } = await askMeanwhile(server(), all);
    for (const { status, openFor, text } of await all) {
      expect(status).toBe(408);
      expect(text).toContain('"code":"too_slow"');
      expect(openFor).toBeGreaterThan(8_000);
      expect(openFor).toBeLessThan(30_000);
    }
    expect(asked).toBeGreaterThan(20);
    expect(longest).toBeLessThan(5_000);
  }, 120_000);

  test('refuses headers beyond 16 KiB, and what is no HTTP', async () => {
    const giant = await rawHttp(server().url, [
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
    ]);
    expect([giant.status, giant.text.includes('"code":"headers_too_large"')]).toEqual([431, true]);
    const many = Array.from({ length: 2_000 }, (_, i) => `X-${i}: bbbbbbb\r\n`).join('');
    expect(await rawHttp(server().url, [`GET /healthz HTTP/1.1\r\nHost: x\r\n${many}\r\n`])).toMatchObject({
      status: 431,
    });
    const nonsense = await rawHttp(server().url, ['\x16\x03\x01 not http\r\n\r\n']);
    expect([nonsense.status, nonsense.text.includes('"code":"bad_request"')]).toEqual([400, true]);
  }, 60_000);

  test('takes 200 connections of one address at a time, and has room again when they are gone', async () => {
    const sockets: Socket[] = [];
    const { hostname, port } = new URL(server().url);
    for (let i = 0; i < 260; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
    }
    await until(
      () => sockets.filter((socket) => socket.closed).length,
      (closed) => closed >= 60,
    );
    expect(sockets.filter((socket) => socket.closed).length).toBeLessThan(80);
    for (const socket of sockets) socket.destroy();
    await until(() => fetch(`${server().url}/healthz`).then(({ status }) => status === 200));
  }, 60_000);
});

test('a body that dribbles in is given up after half a minute; nothing of it has happened', async () => {
  const { url, key } = servers.api;
  const slow = rawHttp(url, endlessly(head(key, 100_000), ' '), 1_000);
  const { longest } = await askMeanwhile(servers.api, slow);
  const { openFor } = await slow;
  expect(openFor).toBeGreaterThan(25_000);
  expect(openFor).toBeLessThan(60_000);
  expect(longest).toBeLessThan(5_000);
  expect(await restClient(servers.api).get('/v1/settings')).toMatchObject({ revision: '0' });
}, 120_000);

test('requests sent one behind the other on a connection are answered in their order', async () => {
  const { url, key } = servers.api;
  const get = (path: string, close = '') =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n${close}\r\n`;
  const paths = Array.from({ length: 300 }, (_, i) => (i % 2 ? '/healthz' : '/nowhere'));
  const all = paths.map((path, i) => get(path, i === paths.length - 1 ? 'Connection: close\r\n' : '')).join('');
  const { text } = await rawHttp(url, [all]);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  expect(statuses).toEqual(paths.map((path) => (path === '/healthz' ? 200 : 404)));
}, 60_000);

test('every answer says what a browser may do with it; the page of /docs may load itself, and answers are cached nowhere', async () => {
  const { url, key } = servers.api;
  const settings = await fetch(`${url}/v1/settings`, { headers: { Authorization: `Bearer ${key}` } });
  const docs = await fetch(`${url}/docs`);
  for (const { headers } of [settings, docs, await fetch(`${url}/nowhere`)]) {
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
  expect(settings.headers.get('cache-control')).toBe('no-store');
  const page = await docs.text();
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
  const sources = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(
    ([, path = '']) => new URL(path, `${url}/docs`),
  );
  expect(sources.length).toBeGreaterThan(2);
  for (const source of sources) expect([source.origin, (await fetch(source)).status]).toEqual([url, 200]);
  const bare = await fetch(`${servers.project.url}/healthz`);
  expect([bare.headers.get('x-content-type-options'), bare.headers.get('cache-control')]).toEqual([
    'nosniff',
    'no-store',
  ]);
});
