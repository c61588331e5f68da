import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestPostgres, type TestServer } from '#embedded';
import { type AgentProcess, startAgentProcess } from '../helpers/agent-process.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

const clients = 200;
const offlineAfter = 3_000;

let postgres: TestServer;
let system: System;
let log: LogReader;
let fleet: AgentProcess;

beforeAll(async () => {
  postgres = await startTestPostgres();
  system = await startSystem({ databaseUrl: postgres.url });
  log = openLog(system.databaseUrl);
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT3S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
  await system.rest.send('PATCH', '/v1/groups/polling/settings', {
    reachback: { heartbeat: { enabled: false }, poll: { interval: 'PT1S' } },
  });
  const common = ['simulate', '--clients', String(clients / 2), '--server', system.broker.url];
  fleet = startAgentProcess([...common, '--prefix', 'beating', '--group', 'beating']);
  const polling = startAgentProcess([...common, '--prefix', 'polling', '--group', 'polling', '--network', '10.78']);
  const endOne = fleet.end;
  fleet = { ...fleet, end: async (signal) => void (await Promise.all([endOne(signal), polling.end(signal)])) };
  await until(
    () => system.rest.get<{ total: number; undelivered: { clients: number } }>('/v1/fleet'),
    ({ total, undelivered }) => total === clients && undelivered.clients === 0,
  );
});
afterAll(async () => {
  await fleet.end('SIGTERM');
  await log.end();
  await system.stop();
  await postgres.stop();
});

/** The longest outage that a test makes: well over the limit of silence. */
const awayFor = 2 * offlineAfter;

/** Everybody is online, was so all the time, and speaks again; a poll is answered. */
const expectNoFalseOffline = async (): Promise<void> => {
  await until(() => system.rest.get('/readyz'), Boolean, { seconds: 60 });
  const since = new Date().toISOString();
  const spoken = ({ items }: { items: { lastContactAt: string | null }[] }) =>
    items.every(({ lastContactAt }) => (lastContactAt ?? '') > since);
  await until(() => system.rest.get<{ items: { lastContactAt: string | null }[] }>('/v1/clients?limit=1000'), spoken);
  // One interval and the allowance for coming back have passed for all when all have spoken; give late verdicts their time.
  await sleep(offlineAfter);
  const causes = [...(await log.transitions()).values()].map((all) => all.map(({ cause }) => cause));
  expect(causes.filter((all) => all.includes('silence'))).toEqual([]);
  expect(await system.request('beating-1', 'poll', {})).toMatchObject({ more: false });
  expect(await log.gaps()).toBe(0);
};

test('G1 the broker is killed and away for longer than offlineAfter', async () => {
  await system.broker.kill();
  await sleep(awayFor);
  await system.broker.start();
  await expectNoFalseOffline();
  expect((await log.facts<{ away: string }>('lane-gap-observed')).map(({ data }) => data.away)).toContain('broker');
});

test('G1 Postgres is killed and away for longer than offlineAfter; polls meanwhile get an error that says to try again', async () => {
  await postgres.kill();
  const answer = await until(
    () => system.request<{ error?: { code: string; retryAfterSeconds: number } }>('beating-1', 'poll', {}),
    (reply) => reply.error !== undefined,
  );
  expect(answer.error).toMatchObject({ code: 'unavailable' });
  expect(answer.error?.retryAfterSeconds).toBeGreaterThan(0);
  expect((await system.rest.send('GET', '/v1/fleet')).status).toBe(503);
  expect((await system.rest.send('GET', '/readyz')).status).toBe(503);
  await sleep(awayFor);
  await postgres.start();
  await expectNoFalseOffline();
});

test('G1 both are away for longer than offlineAfter', async () => {
  await Promise.all([system.broker.kill(), postgres.kill()]);
  await sleep(awayFor);
  await postgres.start();
  await system.broker.start();
  await expectNoFalseOffline();
});

test('G1 the server is away for longer than offlineAfter', async () => {
  await system.server.kill();
  await sleep(awayFor);
  await system.restart();
  await expectNoFalseOffline();
  expect((await log.facts<{ away: string }>('lane-gap-observed')).map(({ data }) => data.away)).toContain('server');
});

test('R5 after all that, whoever does fall silent is offline in time', async () => {
  await fleet.end('SIGKILL');
  const all = await until(log.transitions, (transitions) =>
    [...transitions.values()].every((list) => list.at(-1)?.cause === 'silence'),
  );
  expect(all.size).toBe(clients);
});
