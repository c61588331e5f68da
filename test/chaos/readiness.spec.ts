import { afterAll, beforeAll, expect, test } from '@jest/globals';
import postgresClient from 'postgres';
import { anyFreePort, startTestPostgres, type TestServer } from '#embedded';
import type { Readiness } from '#contracts';
import { until } from '../helpers/conditions.js';
import { scrape } from '../helpers/metrics.js';
import { forkServer, startServerProcess } from '../helpers/server-process.js';
import { startSystem, type System } from '../helpers/system.js';

let postgres: TestServer;
let system: System;

beforeAll(async () => {
  postgres = await startTestPostgres();
  system = await startSystem({ databaseUrl: postgres.url });
  await system.request('pc-1', 'register', { ips: ['10.0.0.1'] });
  await system.request('pc-1', 'heartbeat');
});
afterAll(async () => {
  await system.stop();
  await postgres.stop();
});

/** What `/readyz` answers, to anybody. */
const look = async (url = system.server.url): Promise<Readiness & { readonly code: number }> => {
  const answer = await fetch(`${url}/readyz`);
  return { ...((await answer.json()) as Readiness), code: answer.status };
};
const untilState = (check: string, state: string, url?: string) =>
  until(
    () => look(url),
    ({ checks }) => checks[check]?.state === state,
  );
const untilReady = (url?: string) =>
  until(
    () => look(url),
    ({ code }) => code === 200,
  );

test('ready: every part says so, and needs no key', async () => {
  const readiness = await untilReady();
  expect(readiness).toMatchObject({ status: 'ready', detail: 'Everything works.' });
  const states = Object.entries(readiness.checks).map(([name, { state }]) => `${name} ${state}`);
  expect(states.sort()).toEqual(['broker up', 'database up', 'intake up', 'responders up', 'stream up']);
});

test('the broker is away', async () => {
  await system.broker.kill();
  // A question that was under way is not answered; that the connection is lost may be known only after it.
  const readiness = await until(
    () => look(),
    ({ detail }) => detail.includes('The connection to the broker is lost.'),
  );
  const checks = { broker: { state: 'away' }, database: { state: 'up' } };
  expect(readiness).toMatchObject({ code: 503, status: 'not-ready', checks });
  expect((await fetch(`${system.server.url}/healthz`)).status).toBe(200);
  await system.broker.start();
  await untilReady();
});

test('the database is away; metrics are there all the same', async () => {
  await postgres.kill();
  const readiness = await untilState('database', 'away');
  expect(readiness).toMatchObject({ code: 503, status: 'not-ready', checks: { broker: { state: 'up' } } });
  expect(readiness.detail).toContain('The database does not answer.');
  const seen = await scrape(system.server);
  expect(seen.value('reachback_postgres_up')).toBe(0);
  expect(seen.value('reachback_nats_connected')).toBe(1);
  await postgres.start();
  await untilReady();
  await until(async () => (await scrape(system.server)).value('reachback_postgres_up') === 1);
});

/** Holds a table, so that whoever reads it waits; until it is let go. */
const hold = async (table: string): Promise<() => Promise<void>> => {
  const db = postgresClient(postgres.url, { max: 1 });
  const connection = await db.reserve();
  await connection`BEGIN`;
  await connection`LOCK TABLE ${connection(table)} IN ACCESS EXCLUSIVE MODE`;
  return async () => {
    await connection`ROLLBACK`;
    connection.release();
    await db.end();
  };
};

test('it recovers: the intake says so, and how far it is', async () => {
  await system.server.kill();
  const letGo = await hold('contact_chunk');
  const server = await startServerProcess({ natsUrl: system.broker.url, databaseUrl: postgres.url });
  const readiness = await until(
    () => look(server.url),
    ({ checks }) => (checks['intake']?.recovery?.of ?? 0) > 0,
  );
  expect(readiness).toMatchObject({ code: 503, status: 'not-ready' });
  expect(readiness.detail).toMatch(/^Lane 0 is recovering: 0 of \d+ positions of the log are replayed\.$/);
  expect(readiness.checks['intake']?.state).toBe('recovering');
  const seen = await scrape(server);
  expect(seen.value('reachback_intake_state', { state: 'recovering' })).toBe(1);
  expect(seen.value('reachback_recovery_progress_ratio')).toBe(0);
  await letGo();
  await untilReady(server.url);
  expect((await scrape(server)).value('reachback_intake_state', { state: 'owning' })).toBe(1);
  await server.stop();
  await system.restart();
});

test('a server that waits for its database says so before it has started', async () => {
  await postgres.kill();
  const port = await anyFreePort();
  const starting = startServerProcess({ natsUrl: system.broker.url, databaseUrl: postgres.url, port });
  const url = `http://127.0.0.1:${port}`;
  const readiness = await untilState('database', 'away', url);
  expect(readiness).toMatchObject({ code: 503, checks: { broker: { state: 'away' }, intake: { state: 'starting' } } });
  const early = await fetch(`${url}/v1/fleet`);
  expect([early.status, await early.json()]).toEqual([503, expect.objectContaining({ code: 'unavailable' })]);
  await postgres.start();
  const server = await starting;
  await untilReady(url);
  expect((await fetch(`${url}/v1/fleet`, { headers: { Authorization: `Bearer ${server.key}` } })).status).toBe(200);
  // It has taken the lane; the one that had it stands by, and is ready to.
  expect((await untilState('intake', 'standing-by')).code).toBe(200);
  await server.stop();
});

test.each(['database', 'broker'])('a server that waits for its %s ends when it is told to', async (away) => {
  const nowhere = `127.0.0.1:${await anyFreePort()}`;
  const port = await anyFreePort();
  const { child, exited, log } = await forkServer({
    natsUrl: away === 'broker' ? `nats://${nowhere}` : system.broker.url,
    databaseUrl: away === 'database' ? `postgres://${nowhere}/reachback` : postgres.url,
    port,
  });
  await untilState('database', away === 'database' ? 'away' : 'up', `http://127.0.0.1:${port}`);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(log()).not.toMatch(/AbortError| {4}at /);
});

test('a server is asked for what its roles need, and for nothing else', async () => {
  const server = await startServerProcess({ natsUrl: system.broker.url, databaseUrl: postgres.url, roles: 'api' });
  const { code, checks } = await look(server.url);
  expect([code, Object.keys(checks).sort()]).toEqual([200, ['broker', 'database']]);
  await server.stop();
});
