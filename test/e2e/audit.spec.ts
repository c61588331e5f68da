import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { scrape } from '../helpers/metrics.js';
import { restClient } from '../helpers/rest.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';
import { startSystem, type System } from '../helpers/system.js';
import { until } from '../helpers/conditions.js';

type Act = {
  readonly position: string;
  readonly at: string;
  readonly actor: string;
  readonly address: string | null;
  readonly type: string;
  readonly client: string | null;
  readonly groups: readonly string[];
  readonly data: Record<string, unknown>;
  readonly before: unknown;
};
type Page = { readonly items: readonly Act[]; readonly nextCursor: string | null };

let system: System;
const acts = async (query = ''): Promise<readonly Act[]> =>
  (await system.rest.get<Page>(`/v1/audit?limit=1000&${query}`)).items;
const send = async (method: string, path: string, body?: unknown) => {
  const answer = await system.rest.send<{ id?: string }>(method, path, body);
  expect(answer.status).toBeLessThan(300);
  return answer.body;
};

beforeAll(async () => {
  system = await startSystem();
  await system.request('pc-1', 'register', { ips: ['203.0.113.7'], group: 'paris/desktops' });
});
afterAll(() => system.stop());

describe('every act of an administrator', () => {
  test('is in the log with who, from where, when, what, and what it replaced', async () => {
    await send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
    await send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/9'] }]);
    await send('PATCH', '/v1/settings', { scan: { schedule: 'daily', depth: 3 } });
    await send('PATCH', '/v1/settings', { scan: { schedule: 'weekly', depth: null }, mode: 'fast' });
    await send('PATCH', '/v1/clients/pc-1', { name: 'PC 1', group: 'paris/laptops' });
    const published = {
      version: '1',
      url: 'https://u.example/1',
      sha256: 'a'.repeat(64),
      size: 1,
      target: { groups: ['paris'] },
    };
    const { id } = await send('POST', '/v1/components/engine/releases', published);
    for (const change of ['pause', 'resume', 'withdraw']) await send('POST', `/v1/releases/${id}/${change}`);
    await send('PATCH', '/v1/groups/lyon/settings', { a: 1 });
    await send('DELETE', '/v1/groups/lyon');
    await send('POST', '/v1/verifications');
    await send('DELETE', '/v1/clients/pc-1');

    const said = (await acts()).map(({ type, client, before, groups }) => ({ type, client, before, groups })).reverse();
    const fleet = { client: null, groups: [] };
    const paris = { client: null, groups: ['', 'paris'], before: null };
    const laptops = ['', 'paris', 'paris/laptops'];
    expect(said).toEqual([
      { type: 'networks-changed', ...fleet, before: [] },
      { type: 'networks-changed', ...fleet, before: [{ name: 'nat', ranges: ['10.0.0.0/8'] }] },
      { type: 'settings-changed', ...fleet, before: { scan: null } },
      { type: 'settings-changed', ...fleet, before: { scan: { schedule: 'daily', depth: 3 }, mode: null } },
      {
        type: 'client-edited',
        client: 'pc-1',
        before: { name: null, group: 'paris/desktops' },
        groups: [...laptops, 'paris/desktops'],
      },
      { type: 'release-published', ...paris },
      { type: 'release-paused', ...paris },
      { type: 'release-resumed', ...paris },
      { type: 'release-withdrawn', ...paris },
      { type: 'settings-changed', client: null, before: { a: null }, groups: ['', 'lyon'] },
      { type: 'group-removed', client: null, before: { groups: ['lyon'], clients: 0 }, groups: ['', 'lyon'] },
      { type: 'verification-started', ...fleet, before: null },
      {
        type: 'client-removed',
        client: 'pc-1',
        before: { name: 'PC 1', group: 'paris/laptops', labels: {} },
        groups: laptops,
      },
    ]);
    const ago = (await acts()).map(({ at }) => Date.now() - Date.parse(at));
    expect(Math.max(...ago)).toBeLessThan(600_000);
    for (const act of await acts()) expect(act).toMatchObject({ actor: 'admin:default', address: '127.0.0.1' });
  });

  test('also where it changes no data: a rebuild, and giving one up', async () => {
    await send('POST', '/v1/projections/history/rebuild');
    const { status } = await system.rest.send('DELETE', '/v1/projections/history/rebuild');
    expect((await acts('type=projection-rebuild-started'))[0]?.data).toEqual({ projection: 'history' });
    // It may have been done before it was given up.
    expect((await acts('type=projection-rebuild-cancelled')).map(({ data }) => data)).toEqual(
      status === 204 ? [{ projection: 'history' }] : [],
    );
  });

  test('leaves nothing where it was refused, or said the same as before', async () => {
    const before = await acts();
    await system.rest.send('PATCH', '/v1/settings', { mode: 'fast' });
    await system.rest.send('PATCH', '/v1/clients/nobody', { name: 'x' });
    await system.rest.send('PATCH', '/v1/settings', { reachback: { offlineAfter: 'PT0S' } });
    expect(await acts()).toEqual(before);
  });
});

test('GET /v1/audit is filtered by who, what, whom, group and time, and has pages', async () => {
  const all = await acts();
  const positions = (items: readonly Act[]) => items.map(({ position }) => position);
  const matching = (isMeant: (act: Act) => boolean) => positions(all.filter(isMeant));
  expect(positions(await acts('actor=admin:default'))).toEqual(positions(all));
  expect(await acts('actor=admin:else')).toEqual([]);
  expect(positions(await acts('type=networks-changed'))).toEqual(matching(({ type }) => type === 'networks-changed'));
  expect(positions(await acts('client=pc-1'))).toEqual(matching(({ client }) => client === 'pc-1'));
  expect(positions(await acts('group=paris'))).toEqual(matching(({ groups }) => groups.includes('paris')));
  expect(positions(await acts('group=paris%2Fdesktops'))).toHaveLength(1);
  const middle = all[5] ?? all[0];
  expect(positions(await acts(`from=${middle?.at}`))).toEqual(positions(all.slice(0, 6)));
  expect(positions(await acts(`to=${middle?.at}`))).toEqual(positions(all.slice(6)));
  expect(positions(await acts(`after=${middle?.position}`))).toEqual(positions(all.slice(0, 5)));
  const paged: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await system.rest.get<Page>(`/v1/audit?limit=4${cursor && `&cursor=${cursor}`}`);
    paged.push(...positions(page.items));
    cursor = page.nextCursor;
  }
  expect(paged).toEqual(positions(all));
  expect(await system.rest.send('GET', '/v1/audit?type=nonsense')).toMatchObject({ status: 400 });
});

test('GET /v1/audit/head names the last fact and its hash, as the log of the server does', async () => {
  const head = await system.rest.get<{ position: string; hash: string; chainStart: string }>('/v1/audit/head');
  expect(head).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/), chainStart: '0' });
  const { items } = await system.rest.get<{ items: { position: string }[] }>(
    `/v1/events?after=${BigInt(head.position) - 1n}`,
  );
  expect(items[0]?.position).toBe(head.position);
  await until(() => /"hash":"[0-9a-f]{64}".*the log of facts ends here/.test(system.server.log()));
});

/** Asks with a header as a proxy sets it. */
const sendAs = (server: ServerProcess, forwardedFor: string, key: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(`${server.url}/v1/settings`, {
      method: 'PATCH',
      headers: { 'X-Forwarded-For': forwardedFor, Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(JSON.stringify({ by: forwardedFor }));
  });

test('X-Forwarded-For is believed of a trusted proxy alone', async () => {
  const parts = { natsUrl: system.broker.url, databaseUrl: system.databaseUrl, roles: 'api' };
  const behind = await startServerProcess({ ...parts, env: { REACHBACK_TRUSTED_PROXIES: '127.0.0.0/8, 10.9.0.1' } });
  const addressOfLast = async () => (await acts('type=settings-changed'))[0]?.address;
  try {
    await until(() => restClient(behind).get('/readyz'));
    expect(await sendAs(behind, '198.51.100.1, 203.0.113.5, 10.9.0.1', behind.key)).toBe(200);
    expect(await addressOfLast()).toBe('203.0.113.5');
    expect(await sendAs(system.server, '203.0.113.6', system.server.key)).toBe(200);
    expect(await addressOfLast()).toBe('127.0.0.1');
  } finally {
    await behind.stop();
  }
});

test('wrong keys make their address wait, and nobody else: not who has the right key there, not other addresses', async () => {
  const parts = { natsUrl: system.broker.url, databaseUrl: system.databaseUrl, roles: 'api' };
  const server = await startServerProcess({ ...parts, env: { REACHBACK_TRUSTED_PROXIES: '127.0.0.1' } });
  try {
    await until(() => restClient(server).get('/readyz'));
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) statuses.push(await sendAs(server, '198.51.100.9', `rb_key${i}_wrong-secret-0`));
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
    expect(statuses.slice(20)).toEqual([429, 429]);
    expect(await sendAs(server, '198.51.100.9', server.key)).toBe(200);
    expect(await sendAs(server, '198.51.100.10', 'rb_key1_wrong-secret-0')).toBe(401);
    expect((await scrape(server)).by('reachback_http_refused_total', 'reason')).toEqual({
      missing: 0,
      wrong: 21,
      locked: 2,
    });
    expect(server.log()).toContain('too many wrong administrator keys from an address');
    expect(server.log()).not.toContain('wrong-secret');
    const refused = await fetch(`${server.url}/v1/fleet`, {
      headers: { Authorization: 'Bearer wrong-key-of-nobody', 'X-Forwarded-For': '198.51.100.9' },
    });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ code: 'too_many_failures', status: 429 });
  } finally {
    await server.stop();
  }
});
