import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { headers } from '@nats-io/transport-node';
import type { WorkReply } from '#contracts';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

type Queue = {
  readonly items: readonly {
    readonly kind: string;
    readonly key: string;
    readonly revision: string;
    readonly state: string;
  }[];
};
type History = { readonly items: readonly { readonly status: string; readonly cause: string; readonly at: string }[] };

const release = (version: string, target: object = { all: true }) => ({
  version,
  url: 'https://updates.example/scan-engine',
  sha256: 'a'.repeat(64),
  size: 1_048_576,
  target,
});

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

const queueOf = async (id: string, all = false) =>
  (await system.rest.get<Queue>(`/v1/clients/${id}/queue${all ? '?all=true' : ''}`)).items;
const causesOf = async (id: string) =>
  (await system.rest.get<History>(`/v1/clients/${id}/history`)).items
    .map(({ status, cause }) => `${status} ${cause}`)
    .reverse();

describe('an unreachable client', () => {
  const id = 'pc-17';

  beforeAll(async () => {
    const networks = [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }];
    expect((await system.rest.send('PUT', '/v1/networks', networks)).status).toBe(200);
    const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT2S' };
    expect((await system.rest.send('PATCH', '/v1/settings', { reachback: policy })).status).toBe(200);
  });

  test('R1 R2 R6 is Unreachable/Online as soon as its registration is answered', async () => {
    const reply = await system.request(id, 'register', { name: 'PC 17', ips: ['10.1.2.3'], group: 'paris/desktops' });
    expect(reply.policy).toEqual({
      heartbeat: { enabled: true, interval: 'PT1S' },
      poll: { enabled: true, interval: 'PT3S' },
      offlineAfter: 'PT2S',
      phase: expect.stringMatching(/^PT/),
    });
    expect(await system.client(id)).toMatchObject({
      id,
      name: 'PC 17',
      group: 'paris/desktops',
      status: 'Unreachable/Online',
      cause: 'registered',
      network: 'unreachable',
      networkName: 'paris-nat',
    });
  });

  test('R5 goes offline when it has been silent for offlineAfter, not before; a beat brings it back', async () => {
    system.publish(id, 'heartbeat');
    const offline = await system.untilStatus(id, 'Unreachable/Offline');
    expect(offline.cause).toBe('silence');
    const silence = Date.parse(offline.since) - Date.parse(offline.lastContactAt ?? '');
    expect(silence).toBe(2_000);
    system.publish(id, 'heartbeat', {});
    await system.untilStatus(id, 'Unreachable/Online');
    expect((await causesOf(id)).slice(0, 3)).toEqual([
      'Unreachable/Online registered',
      'Unreachable/Offline silence',
      'Unreachable/Online heartbeat',
    ]);
  });

  test('R13 R14 R17 a change waits in the queue, a beat brings nothing, the next poll brings all of it', async () => {
    const heard: string[] = [];
    const spy = system.nats.subscribe(`reachback.v1.${id}.>`, {
      callback: (_, message) => void heard.push(message.subject),
    });
    await system.request(id, 'poll');
    await system.request(id, 'ack', {
      results: [
        {
          kind: 'settings',
          revision: (await system.rest.get<{ revision: string }>(`/v1/clients/${id}/settings/effective`)).revision,
          outcome: 'applied',
        },
      ],
    });
    expect(await queueOf(id)).toEqual([]);
    await system.rest.send('PATCH', `/v1/clients/${id}/settings`, { scan: { schedule: 'daily' } });
    const published = await system.rest.send('POST', '/v1/components/scan-engine/releases', release('9.2'));
    expect(published.status).toBe(201);
    expect((await queueOf(id)).map(({ kind, key, state }) => `${kind} ${key} ${state}`).sort()).toEqual([
      'settings settings pending',
      'update scan-engine pending',
    ]);
    await system.nats.request(`reachback.v1.${id}.heartbeat`);
    expect((await queueOf(id)).map((item) => item.state)).toEqual(['pending', 'pending']);
    await system.nats.flush();
    // Nothing but what the client itself sent.
    expect(new Set(heard)).toEqual(
      new Set([`reachback.v1.${id}.poll`, `reachback.v1.${id}.ack`, `reachback.v1.${id}.heartbeat`]),
    );
    spy.unsubscribe();

    const reply = await system.request(id, 'poll');
    expect(reply.settings?.values).toMatchObject({ scan: { schedule: 'daily' } });
    expect(reply.updates).toEqual([
      {
        component: 'scan-engine',
        version: '9.2',
        url: 'https://updates.example/scan-engine',
        sha256: 'a'.repeat(64),
        size: 1_048_576,
        deliverBy: null,
      },
    ]);
    expect(reply.more).toBe(false);
    expect((await queueOf(id)).map((item) => item.state)).toEqual(['delivered', 'delivered']);

    const results = [
      { kind: 'settings', revision: reply.settings?.revision, outcome: 'applied' },
      { kind: 'update', component: 'scan-engine', version: '9.2', outcome: 'applied' },
    ];
    expect(await system.request(id, 'ack', { results })).toEqual({ accepted: 2 });
    expect(await queueOf(id)).toEqual([]);
    expect((await queueOf(id, true)).filter((item) => item.state !== 'acknowledged').map((i) => i.state)).not.toContain(
      'pending',
    );
    expect(await system.client(id)).toMatchObject({
      undelivered: 0,
      installed: { 'scan-engine': '9.2' },
      settingsRevision: reply.settings?.revision,
    });
    const again = await system.request(id, 'poll');
    expect(again).toMatchObject({ settings: null, updates: [] });
  });

  test('G7 ten acknowledgements and a poll retried under one message id show once', async () => {
    await system.rest.send('POST', '/v1/components/agent-core/releases', release('2.0'));
    const h = headers();
    h.set('Nats-Msg-Id', 'poll-1');
    for (let i = 0; i < 3; i++)
      await system.nats.request(`reachback.v1.${id}.poll`, '', { headers: h, timeout: 5_000 });
    expect(await queueOf(id)).toMatchObject([{ key: 'agent-core', state: 'delivered', attempts: 1 }]);
    const results = [{ kind: 'update', component: 'agent-core', version: '2.0', outcome: 'applied' }];
    await Promise.all(Array.from({ length: 10 }, () => system.request(id, 'ack', { results })));
    const { items } = await system.rest.get<{ items: { data: { items: unknown[] } }[] }>(
      `/v1/events?client=${id}&type=work-settled`,
    );
    expect(items.filter(({ data }) => JSON.stringify(data).includes('agent-core'))).toHaveLength(1);
  });

  test('R4 updates, logs and acknowledgements change nothing while it is offline', async () => {
    await system.untilStatus(id, 'Unreachable/Offline');
    const before = await causesOf(id);
    await system.request(id, 'update', { trigger: 'manual' });
    await system.request(id, 'ack', { results: [] });
    await system.nats.request(`reachback.v1.${id}.logs`, '{"line":"x"}');
    await until(
      () => system.rest.get<{ items: unknown[] }>(`/v1/events?client=${id}&type=logs-received`),
      ({ items }) => items.length === 1,
    );
    expect((await system.client(id)).status).toBe('Unreachable/Offline');
    expect(await causesOf(id)).toEqual(before);
  });

  test('R16 an ungranted beat or poll changes no status, and the poll is answered with the policy', async () => {
    await system.rest.send('PATCH', `/v1/clients/${id}/settings`, {
      reachback: { heartbeat: { enabled: false }, poll: { enabled: false } },
    });
    system.publish(id, 'heartbeat');
    const reply = await system.request(id, 'poll');
    expect(reply.policy.poll.enabled).toBe(false);
    expect((await system.client(id)).status).toBe('Unreachable/Offline');
    expect((await system.request<WorkReply>(id, 'start')).policy.heartbeat.enabled).toBe(false);
    expect((await causesOf(id)).slice(-2)).toEqual(['Unreachable/Online started', 'Unreachable/Offline no-route']);
  });

  test('R7 uninstall takes it off the list; its history stays; register brings it back', async () => {
    await system.rest.send('PATCH', `/v1/clients/${id}/settings`, { reachback: null });
    await system.nats.request(`reachback.v1.${id}.uninstall`);
    await until(
      async () => (await system.rest.send('GET', `/v1/clients/${id}`)).status,
      (status) => status === 404,
    );
    expect((await causesOf(id)).at(-1)).toBe('Unreachable/Offline uninstalled');
    expect(await system.request(id, 'poll')).toMatchObject({ error: { code: 'not_registered' } });
    await system.request(id, 'register', { ips: ['10.1.2.3'] });
    expect(await system.client(id)).toMatchObject({ status: 'Unreachable/Online', settingsRevision: '0' });
  });
});

test('R1 a client in no unreachable network is direct, and follows when the networks change', async () => {
  await system.request('pc-18', 'register', { ips: ['192.168.7.7'] });
  expect(await system.client('pc-18')).toMatchObject({ status: 'Online', network: 'direct', networkName: null });
  await system.rest.send('PUT', '/v1/networks', [
    { name: 'paris-nat', ranges: ['10.0.0.0/8', '192.168.7.1-192.168.7.99'] },
  ]);
  await system.untilStatus('pc-18', 'Unreachable/Online');
  expect((await causesOf('pc-18')).at(-1)).toBe('Unreachable/Online network-changed');
});
