import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../helpers/conditions.js';
import { deliveringOn } from '../helpers/delivering.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { scrape } from '../helpers/metrics.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';
import { startSystem, type System } from '../helpers/system.js';

const ids = ['pc-1', 'pc-2', 'pc-3'];

let system: System;
let log: LogReader;
const delivering = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  await system.rest.send('PATCH', '/v1/settings', { scan: 'daily' });
});
afterAll(async () => {
  await log.end();
  await system.stop();
});

const look = () => scrape(system.server);
const untilValue = async (name: string, labels: Record<string, string>, wanted: number) =>
  until(
    async () => (await look()).value(name, labels),
    (value) => value === wanted,
  );

test('without a key there are no metrics', async () => {
  const answer = await fetch(`${system.server.url}/metrics`);
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 'unauthorized' });
});

test('what agents send is counted, each message once', async () => {
  for (const id of ids) await delivering.enter(id);
  const beat = (id: string) => system.request(id, 'heartbeat');
  await Promise.all(Array.from({ length: 150 }, (_, i) => beat(ids[i % 3] ?? '')));
  await Promise.all(ids.map((id) => system.request(id, 'poll', {})));
  await system.request('pc-1', 'poll', 'not JSON');
  await system.request('nobody', 'poll', {});
  await beat('nobody');

  await untilValue('reachback_contacts_total', { lane: '0', kind: 'heartbeat' }, 150);
  // The beat, and the poll, which the responder has passed on.
  await untilValue('reachback_rejects_total', { code: 'not_registered' }, 2);
  await untilValue('reachback_rejects_total', { code: 'bad_json' }, 1);
  const seen = await look();
  expect(seen.by('reachback_contacts_total', 'kind')).toMatchObject({ register: 3, poll: 3, ack: 3, stop: 0 });
  expect(seen.value('reachback_requests_total', { kind: 'register', outcome: 'ok' })).toBe(3);
  expect(seen.value('reachback_requests_total', { kind: 'poll', outcome: 'ok' })).toBe(3);
  expect(seen.value('reachback_requests_total', { kind: 'poll', outcome: 'bad_json' })).toBe(1);
  expect(seen.value('reachback_requests_total', { kind: 'poll', outcome: 'not_registered' })).toBe(1);
  expect(seen.value('reachback_request_duration_seconds_count', { kind: 'poll' })).toBe(5);
  expect(seen.by('reachback_deliveries_total', 'kind')).toEqual({ settings: 3, update: 0 });
  expect(seen.value('reachback_acknowledgements_total', { outcome: 'applied', via: 'ack' })).toBe(3);
  expect(seen.by('reachback_transitions_total', 'cause')).toEqual({ registered: 3 });
  expect(seen.by('reachback_clients', 'status')).toMatchObject({ 'Unreachable/Online': 3, Online: 0 });
  expect(seen.value('reachback_intake_batch_messages_sum')).toBeGreaterThanOrEqual(150 + 3 + 3 + 3 + 1);
});

test('what is in the log of facts was counted, by type, whoever appended it', async () => {
  const { items } = await system.rest.get<{ items: { type: string }[] }>('/v1/events?limit=1000');
  const logged: Record<string, number> = {};
  for (const { type } of items) logged[type] = (logged[type] ?? 0) + 1;
  expect(Object.keys(logged)).toEqual(
    expect.arrayContaining(['networks-changed', 'client-registered', 'work-settled']),
  );
  expect((await look()).by('reachback_facts_total', 'type')).toEqual(logged);
});

test('R5 how late a verdict of silence is, is measured', async () => {
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT5S' }, offlineAfter: 'PT2S' };
  await system.rest.send('PATCH', '/v1/clients/pc-1/settings', { reachback: policy });
  const { settings } = await system.request('pc-1', 'poll', {});
  await delivering.ackSettings('pc-1', settings?.revision);
  await system.untilStatus('pc-1', 'Unreachable/Offline');
  await untilValue('reachback_transitions_total', { cause: 'silence' }, 1);
  const seen = await look();
  expect(seen.value('reachback_offline_lateness_seconds_count')).toBe(1);
  expect(seen.value('reachback_offline_lateness_seconds_sum')).toBeGreaterThanOrEqual(0);
  expect(seen.by('reachback_clients', 'status')).toMatchObject({ 'Unreachable/Online': 2, 'Unreachable/Offline': 1 });
});

test('R18 questions to direct clients are counted, and what became of them', async () => {
  system.nats.subscribe('reachback.v1.there.notify', { callback: (_, message) => void message.respond('{}') });
  await system.nats.flush();
  for (const id of ['there', 'silent']) await system.request(id, 'register', { ips: ['192.168.0.1'] });
  for (const id of ['there', 'silent']) await system.rest.send('PATCH', `/v1/clients/${id}/settings`, { scan: 'now' });
  await untilValue('reachback_notifications_settled_total', { reason: 'settings', outcome: 'answered' }, 1);
  await untilValue('reachback_notifications_settled_total', { reason: 'settings', outcome: 'unanswered' }, 1);
  expect((await look()).by('reachback_notifications_asked_total', 'reason')).toMatchObject({ settings: 2, verify: 0 });
});

test('administrators’ requests are counted by route; what is at no route, together', async () => {
  await system.rest.send('GET', '/v1/clients/pc-1');
  await system.rest.send('GET', '/v1/clients/pc-2');
  await system.rest.send('GET', '/nowhere/1');
  await system.rest.send('GET', '/nowhere/2');
  const counted = async (route: string, status: string) =>
    (await look()).value('reachback_http_requests_total', { method: 'GET', route, status });
  // Counted when the answer has left, which whoever gets it may see a moment before.
  await until(
    () => counted('none', '404'),
    (count) => count === 2,
  );
  expect(await counted('/v1/clients/:id', '200')).toBeGreaterThanOrEqual(2);
});

test('what the process depends on shows, and the process itself', async () => {
  const seen = await look();
  expect(seen.value('reachback_nats_connected')).toBe(1);
  expect(seen.value('reachback_nats_bytes_total', { direction: 'in' })).toBeGreaterThan(1_000);
  expect(seen.value('reachback_postgres_up')).toBe(1);
  expect(Object.keys(seen.by('reachback_postgres_connections', 'pool'))).toEqual(
    expect.arrayContaining(['api', 'health', 'ingest', 'project', 'respond']),
  );
  expect(seen.value('reachback_intake_state', { state: 'owning' })).toBe(1);
  expect(seen.value('reachback_intake_lag_seconds')).toBeLessThan(10);
  expect(seen.value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(seen.value('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  await until(
    async () => (await look()).value('reachback_projection_lag_positions', { projection: 'history' }),
    (lag) => lag !== undefined && lag < 10,
  );
  expect((await look()).value('reachback_projection_state', { projection: 'history', state: 'running' })).toBe(1);
});

test('what is stored shows, as GET /v1/storage has it', async () => {
  const bytes = (await look()).by('reachback_storage_bytes', 'part');
  const { contacts, facts } = await system.rest.get<{ contacts: { bytes: number }; facts: { bytes: number } }>(
    '/v1/storage',
  );
  expect(Object.keys(bytes).sort()).toEqual(['contacts', 'facts', 'other', 'wal']);
  expect(bytes['contacts']).toBeGreaterThan(0);
  expect(bytes['contacts']).toBeLessThanOrEqual(contacts.bytes);
  expect(bytes['facts']).toBeGreaterThan(0);
  expect(bytes['facts']).toBeLessThanOrEqual(facts.bytes);
});

test('the broker goes away and comes back: the connection’s metrics say so, and scrapes go on', async () => {
  await system.broker.kill();
  await untilValue('reachback_nats_connected', {}, 0);
  await system.broker.start();
  await untilValue('reachback_nats_connected', {}, 1);
  const seen = await look();
  expect(seen.value('reachback_nats_disconnects_total')).toBeGreaterThanOrEqual(1);
  // The intake has a connection of its own.
  expect(seen.value('reachback_nats_reconnects_total')).toBe(2);
});

test('a process without the REST API has its health and its metrics, and nothing else', async () => {
  let responder: ServerProcess | undefined;
  try {
    responder = await startServerProcess({
      natsUrl: system.broker.url,
      databaseUrl: system.databaseUrl,
      roles: 'respond',
    });
    const { url } = responder;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const readiness = await (await fetch(`${url}/readyz`)).json();
    expect(readiness).toMatchObject({ status: 'ready', checks: { responders: { state: 'up' } } });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const seen = await scrape(responder);
    expect(seen.value('reachback_info', { roles: 'respond' })).toBe(1);
    expect(seen.value('reachback_intake_state')).toBeUndefined();
    const other = await fetch(`${url}/v1/fleet`, { headers: { Authorization: `Bearer ${responder.key}` } });
    expect([other.status, await other.json()]).toEqual([404, expect.objectContaining({ code: 'not_found' })]);
  } finally {
    await responder?.stop();
  }
});
