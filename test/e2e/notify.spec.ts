import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgentProcess } from '../helpers/agent-process.js';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

const direct = '192.168.7.7';
const behindNat = '10.1.2.3';

let system: System;
/** Hears every notification, and answers none. */
let spy: NatsConnection;
let heard: { readonly id: string; readonly reason: string; readonly at: number }[] = [];
/** The machines of direct clients that answer. */
let answering: NatsConnection;

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  spy = await connect({ servers: system.broker.url });
  spy.subscribe('reachback.v1.*.notify', {
    callback: (_, message) =>
      void heard.push({
        id: message.subject.split('.')[2] ?? '',
        reason: message.json<{ reason: string }>().reason,
        at: Date.now(),
      }),
  });
  await spy.flush();
  answering = await connect({ servers: system.broker.url });
});
afterEach(() => {
  heard = [];
});
afterAll(async () => {
  await Promise.all([spy.close(), answering.close()]);
  await system.stop();
});

const register = (id: string, ips: string, group = '') => system.request(id, 'register', { ips: [ips], group });
const answer = async (id: string) => {
  answering.subscribe(`reachback.v1.${id}.notify`, { callback: (_, message) => void message.respond('{}') });
  await answering.flush();
};
const told = (id: string) => heard.filter((one) => one.id === id).map(({ reason }) => reason);
const publish = (target: object, version: string, more: object = {}) =>
  system.rest.send<{ id: string }>('POST', '/v1/components/scan-engine/releases', {
    ...more,
    version,
    url: 'https://updates.example/scan-engine',
    sha256: 'a'.repeat(64),
    size: 1,
    target,
  });

test('R18 R17 direct clients are told at once of what concerns them; unreachable ones of nothing', async () => {
  for (const id of ['paris-1', 'oslo-1']) {
    await answer(id);
    await register(id, direct, id.split('-')[0]);
  }
  await register('nat-1', behindNat, 'paris');
  const start = Date.now();
  await system.rest.send('PATCH', '/v1/groups/paris/settings', { scan: { schedule: 'daily' } });
  await until(() => told('paris-1').length > 0, Boolean, { pause: 5 });
  expect(Date.now() - start).toBeLessThan(1_000);
  await publish({ groups: ['oslo'] }, '9.1');
  await until(() => told('oslo-1').length > 0);
  await publish({ clients: ['oslo-1', 'nat-1'] }, '9.2');
  await until(() => told('oslo-1').length > 1);
  await system.rest.send('PATCH', '/v1/clients/nat-1/settings', { scan: { schedule: 'weekly' } });
  await system.rest.send('PATCH', '/v1/clients/oslo-1', { group: 'paris' });
  await until(() => told('oslo-1').length > 2);
  await system.rest.send('PATCH', '/v1/clients/oslo-1', { name: 'Oslo 1' });
  await system.rest.send('PATCH', '/v1/settings', { scan: { schedule: 'hourly' } });
  await until(() => told('oslo-1').length > 3 && told('paris-1').length > 1);
  expect(told('oslo-1')).toEqual(['update', 'update', 'settings', 'settings']);
  expect(told('paris-1')).toEqual(['settings', 'settings']);
  expect(told('nat-1')).toEqual([]);
});

test('R18 direct clients are told of a rollout at their turn, of what goes on or comes back, and of where they moved', async () => {
  for (const id of ['rome-1', 'rome-2']) {
    await answer(id);
    await register(id, direct, 'rome');
  }
  await publish({ groups: ['rome'] }, '10.1', { rollout: { over: 'PT3S' } });
  await until(() => told('rome-1').length === 1 && told('rome-2').length === 1);
  const { body } = await publish({ clients: ['rome-1'] }, '10.2');
  await until(() => told('rome-1').length === 2);
  await system.rest.send('POST', `/v1/releases/${body.id}/pause`);
  await system.rest.send('POST', `/v1/releases/${body.id}/resume`);
  await until(() => told('rome-1').length === 3);
  await system.rest.send('POST', `/v1/releases/${body.id}/withdraw`);
  await until(() => told('rome-1').length === 4);
  expect(told('rome-2')).toEqual(['update']);
  await system.rest.send('DELETE', '/v1/groups/rome?moveClientsTo=lima');
  await until(() => told('rome-1').length === 5 && told('rome-2').length === 2);
  expect(told('rome-1')).toEqual(['update', 'update', 'update', 'update', 'settings']);
  expect(told('rome-2')).toEqual(['update', 'settings']);
});

test('R18 a client that is connected but silent delays nobody, and is remembered when the server is killed', async () => {
  await register('stuck', direct);
  const ids = Array.from({ length: 50 }, (_, i) => `prompt-${i}`);
  for (const id of ids) {
    await answer(id);
    await register(id, direct);
  }
  const start = Date.now();
  await system.rest.send('PATCH', '/v1/settings', { scan: { depth: 1 } });
  await until(() => ids.every((id) => told(id).length === 1) && told('stuck').length === 1, Boolean, { pause: 5 });
  await system.rest.send('PATCH', '/v1/settings', { scan: { depth: 2 } });
  await until(() => ids.every((id) => told(id).length === 2) && told('stuck').length === 2, Boolean, { pause: 5 });
  expect(Date.now() - start).toBeLessThan(4_000);
  // Nobody has written down yet that the stuck one did not answer.
  await system.server.kill();
  await system.restart();
  await until(() => told('stuck').length === 3);
});

test('R18 the reference agent fetches what it is told of, though it never polls by itself', async () => {
  const state = await mkdtemp(join(tmpdir(), 'reachback-test-agent-'));
  const agent = startAgentProcess(['--id', 'pc-17', '--ips', direct, '--server', system.broker.url, '--state', state]);
  const untilDone = () =>
    until(
      () => system.client('pc-17'),
      ({ undelivered }) => undelivered === 0,
    );
  await untilDone();
  const before = await untilDone();
  await system.rest.send('PATCH', '/v1/settings', { scan: { schedule: 'monthly' } });
  await until(
    () => system.client('pc-17'),
    ({ undelivered, settingsRevision }) => undelivered === 0 && settingsRevision !== before.settingsRevision,
  );
  const polls = () => agent.output().split('poll: ').length;
  const count = await until(polls, (seen) => seen > 1);
  await system.nats.request('reachback.v1.pc-17.notify', '{"reason":"verify"}');
  await system.rest.send('PATCH', '/v1/clients/pc-17/settings', { scan: { schedule: 'never' } });
  await until(polls, (seen) => seen > count);
  await untilDone();
  expect(polls()).toBe(count + 1);
  await agent.end('SIGTERM');
  await rm(state, { recursive: true, force: true });
});
