import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgentProcess } from '../helpers/agent-process.js';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

const id = 'pc-17';
const content = Buffer.from('the new scan engine');

let system: System;
let downloads: Server;
let state: string;

beforeAll(async () => {
  system = await startSystem();
  state = await mkdtemp(join(tmpdir(), 'reachback-test-agent-'));
  downloads = createServer((_, response) => response.end(content)).listen(0, '127.0.0.1');
  await once(downloads, 'listening');
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT2S' }, offlineAfter: 'PT3S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
});
afterAll(async () => {
  downloads.close();
  await system.stop();
  await rm(state, { recursive: true, force: true });
});

const start = () =>
  startAgentProcess([
    '--id',
    id,
    '--ips',
    '10.1.2.3',
    '--server',
    system.broker.url,
    '--state',
    state,
    '--group',
    'paris',
  ]);

const release = (version: string, sha256 = createHash('sha256').update(content).digest('hex')) => {
  const address = downloads.address();
  const port = address && typeof address === 'object' ? address.port : 0;
  return {
    version,
    url: `http://127.0.0.1:${port}/${version}`,
    sha256,
    size: content.length,
    target: { groups: ['paris'] },
  };
};
const publish = async (body: object) =>
  (await system.rest.send<{ id: string }>('POST', '/v1/components/scan-engine/releases', body)).body.id;

/** When the last contact came that counts for an unreachable client: its registration, a beat or a poll (R3). */
const lastCounted = async (): Promise<number> => {
  const { registeredAt, lastHeartbeatAt, lastPollAt } = await system.client(id);
  const { items } = await system.rest.get<{ items: { type: string; at: string }[] }>(`/v1/clients/${id}/events`);
  const registered = items.find(({ type }) => type === 'register')?.at ?? registeredAt;
  return Math.max(...[registered, lastHeartbeatAt, lastPollAt].map((time) => Date.parse(time ?? registeredAt)));
};

/** Of the client, oldest first. A machine that is busy for longer than `offlineAfter` may make more than one expects. */
const transitionsAfter = async (time: string) => {
  const path = `/v1/clients/${id}/history`;
  const { items } = await system.rest.get<{ items: { at: string; status: string; cause: string }[] }>(path);
  return items.filter(({ at }) => at > time).reverse();
};

test('it is online while it runs, offline once it was killed, and takes in what changed when it is back', async () => {
  const first = start();
  await system.untilStatus(id, 'Unreachable/Online');
  await until(
    () => system.client(id),
    ({ undelivered }) => undelivered === 0,
  );
  await first.end('SIGKILL');
  const offline = await system.untilStatus(id, 'Unreachable/Offline');
  expect(offline.cause).toBe('silence');
  expect(Date.parse(offline.since) - (await lastCounted())).toBe(3_000);

  await system.rest.send('PATCH', '/v1/groups/paris/settings', { scan: { schedule: 'daily' } });
  await publish(release('9.2'));
  const second = start();
  const [next] = await until(
    () => transitionsAfter(offline.since),
    ({ length }) => length > 0,
  );
  expect(next).toMatchObject({ status: 'Unreachable/Online', cause: 'started' });
  await until(
    () => system.client(id),
    (client) => client.undelivered === 0 && client.installed['scan-engine'] === '9.2',
  );
  expect(await readFile(join(state, id, 'components', 'scan-engine', '9.2'))).toEqual(content);
  expect(JSON.parse(await readFile(join(state, id, 'settings.json'), 'utf8'))).toMatchObject({
    scan: { schedule: 'daily' },
  });
  await second.end('SIGTERM');
});

test('its first beat, and the first after a shorter interval, come an interval later and not when it next looks up', async () => {
  const beatsSince = async (time: number) => {
    const { items } = await system.rest.get<{ items: { type: string; at: string }[] }>(`/v1/clients/quick/events`);
    return items.filter(({ type, at }) => type === 'heartbeat' && Date.parse(at) >= time);
  };
  const policy = (interval: string) =>
    system.rest.send('PATCH', '/v1/groups/quick/settings', {
      reachback: { heartbeat: { interval }, offlineAfter: 'PT1M' },
    });
  await policy('PT1S');
  const startedAt = Date.now();
  const agent = startAgentProcess([
    ...['--id', 'quick', '--ips', '10.1.2.4', '--group', 'quick'],
    ...['--server', system.broker.url, '--state', state],
  ]);
  await system.untilStatus('quick', 'Unreachable/Online');
  const [first] = await until(
    () => beatsSince(startedAt),
    (beats) => beats.length > 0,
  );
  const { registeredAt } = await system.client('quick');
  expect(Date.parse(first?.at ?? '') - Date.parse(registeredAt)).toBeLessThan(2_500);

  await policy('PT30S');
  await until(() => agent.output().includes('beat every PT30S'));
  await policy('PT1S');
  const settled = await until(
    () => system.client('quick'),
    ({ undelivered }) => undelivered === 0,
  );
  const [next] = (
    await until(
      () => beatsSince(Date.parse(settled.lastPollAt ?? '')),
      (beats) => beats.length > 0,
    )
  ).slice(-1);
  expect(Date.parse(next?.at ?? '') - Date.parse(settled.lastPollAt ?? '')).toBeLessThan(2_500);
  await agent.end('SIGKILL');
  await system.rest.send('DELETE', '/v1/clients/quick');
});

test('a download whose SHA-256 is wrong is not installed, and the queue says why', async () => {
  const releaseId = await publish(release('9.3', 'b'.repeat(64)));
  const agent = start();
  const { items } = await until(
    () => system.rest.get<{ items: { state: string; error: string }[] }>(`/v1/clients/${id}/queue`),
    (queue) => queue.items[0]?.state === 'failed',
  );
  expect(items[0]?.error).toContain('SHA-256');
  expect(await system.rest.get(`/v1/releases/${releaseId}`)).toMatchObject({ progress: { targeted: 1, failed: 1 } });
  await agent.end('SIGKILL');
});

test('it beats on while the server is away, and its poll is answered when the server is back', async () => {
  const agent = start();
  await system.untilStatus(id, 'Unreachable/Online');
  await system.server.kill();
  const seen = agent.output().split('heartbeat\n').length;
  await until(
    () => agent.output().split('heartbeat\n').length,
    (beats) => beats > seen + 4,
  );
  const killedAt = new Date().toISOString();
  await system.restart();
  await until(() => agent.output().includes('poll: '));
  const transitions = await transitionsAfter(killedAt);
  expect(transitions.filter(({ status }) => status === 'Unreachable/Offline')).toEqual([]);
  await agent.end('SIGTERM');
});

test('R7 with --goodbye it is offline at once; uninstalled it is gone', async () => {
  const agent = startAgentProcess([
    '--id',
    id,
    '--ips',
    '10.1.2.3',
    '--server',
    system.broker.url,
    '--state',
    state,
    '--goodbye',
  ]);
  await system.untilStatus(id, 'Unreachable/Online');
  await until(() => agent.output().includes('start: '));
  await agent.end('SIGTERM');
  expect((await system.untilStatus(id, 'Unreachable/Offline')).cause).toBe('stopped');
  const uninstall = startAgentProcess(['uninstall', '--id', id, '--server', system.broker.url, '--state', state]);
  expect(await uninstall.exited).toBe(0);
  await until(
    async () => (await system.rest.send('GET', `/v1/clients/${id}`)).status,
    (status) => status === 404,
  );
});

test('a wrong id or address is refused before anything is sent', async () => {
  const agent = startAgentProcess(['--id', 'pc 17']);
  expect(await agent.exited).toBe(1);
  expect(agent.output()).toContain('An id is 1 to 64 characters');
  const other = startAgentProcess(['--id', 'pc-17', '--ips', '10.1.2.300']);
  expect(await other.exited).toBe(1);
  expect(other.output()).toContain('10.1.2.300');
});

test('a simulated fleet registers, beats and polls', async () => {
  const fleet = startAgentProcess([
    'simulate',
    '--clients',
    '300',
    '--server',
    system.broker.url,
    '--network',
    '10.99',
    '--seconds',
    '12',
  ]);
  await until(
    () => system.rest.get<{ total: number }>('/v1/clients?group=simulated&status=Unreachable/Online'),
    ({ total }) => total === 300,
  );
  expect(await fleet.exited).toBe(0);
  expect(fleet.output()).toContain('registered 300 of 300');
  expect(fleet.output()).toMatch(/300 clients, [1-9]\d* beats\/s, [1-9]\d* polls\/s/);
});
