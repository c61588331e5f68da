import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, GroupNode, ReleaseProgress } from '#contracts';
import { until } from '../helpers/conditions.js';
import { makeKey, type MadeKey } from '../helpers/keys.js';
import { startSystem, type System } from '../helpers/system.js';

type Release = { readonly id: string; readonly target: object; readonly progress: ReleaseProgress };
type Problem = { readonly code: string; readonly detail: string; readonly requestId?: string };
type List<T> = { readonly items: readonly T[]; readonly nextCursor: string | null; readonly total?: number };

const file = { url: 'https://updates.example/x', sha256: 'a'.repeat(64), size: 1 };
const clients = { p1: 'paris', p2: 'paris/desktops', r1: 'rome', r2: 'parisian', root: '' } as const;

let system: System;
let viewer: MadeKey;
let operator: MadeKey;
let admin: MadeKey;

beforeAll(async () => {
  system = await startSystem();
  viewer = await makeKey(system, { name: 'paris looks', role: 'viewer', group: 'paris' });
  operator = await makeKey(system, { name: 'paris desk', role: 'operator', group: 'paris' });
  admin = await makeKey(system, { name: 'paris head', role: 'admin', group: 'paris' });
  for (const [id, group] of Object.entries(clients)) {
    await system.request(id, 'register', { group, name: `PC ${id}`, labels: { os: 'linux' } });
  }
}, 120_000);
afterAll(() => system.stop());

const publish = async (rest: System['rest'], version: string, target: object) => {
  const { status, body } = await rest.send<Release & Problem>('POST', '/v1/components/engine/releases', {
    ...file,
    version,
    target,
  });
  return { status, body };
};

/** An answer without what differs from request to request. */
const bare = ({ status, body }: { readonly status: number; readonly body: unknown }) => {
  const { requestId: _, ...rest } = (body ?? {}) as Problem;
  return { status, body: rest };
};

describe('a key that is limited to a group', () => {
  test('lists, totals and search have its clients and no others, whatever is asked for', async () => {
    const idsOf = async (query: string) => {
      const { items, total } = await viewer.rest.get<List<Client>>(`/v1/clients?${query}`);
      expect(total).toBe(items.length);
      return items.map(({ id }) => id);
    };
    expect(await idsOf('')).toEqual(['p1', 'p2']);
    expect(await idsOf('group=paris%2Fdesktops')).toEqual(['p2']);
    expect(await idsOf('q=PC')).toEqual(['p1', 'p2']);
    expect(await idsOf('q=r1')).toEqual([]);
    expect(await idsOf('label=os:linux&sort=-since')).toHaveLength(2);
    for (const elsewhere of ['rome', 'parisian', 'nowhere']) expect(await idsOf(`group=${elsewhere}`)).toEqual([]);
    expect((await system.rest.get<List<Client>>('/v1/clients')).total).toBe(5);
  });

  test('the fleet, its past and the tree of groups count its clients alone', async () => {
    const fleet = await viewer.rest.get<{ total: number; ingest: unknown; undelivered: { clients: number } }>(
      '/v1/fleet',
    );
    expect(fleet).toMatchObject({ total: 2, ingest: null });
    const tree = await viewer.rest.get<GroupNode>('/v1/groups');
    expect(tree).toMatchObject({
      path: 'paris',
      total: 2,
      children: [{ path: 'paris/desktops', total: 1, children: [] }],
    });
    const at = new Date().toISOString();
    expect(await viewer.rest.get(`/v1/fleet?asOf=${at}`)).toMatchObject({ total: 2 });
    const { items } = await viewer.rest.get<List<{ total: number; byStatus: object }>>('/v1/fleet/history?step=PT1H');
    expect(items[0]?.total).toBe(0);
    const whole = await system.rest.get<{ total: number }>(`/v1/fleet?asOf=${at}`);
    expect(whole.total).toBe(5);
  });

  test('the past of a group, with clients that were removed, adds up as that of the fleet does', async () => {
    await makeKey(system, { name: 'temporary', role: 'viewer', group: 'temp' }).then(async ({ rest }) => {
      await system.request('t1', 'register', { group: 'temp' });
      await until(
        () => system.client('t1'),
        ({ status }) => status === 'Online',
      );
      const before = new Date();
      await system.rest.send('DELETE', '/v1/clients/t1');
      await until(
        () => rest.get<{ total: number }>(`/v1/fleet?asOf=${new Date().toISOString()}`),
        ({ total }) => total === 0,
      );
      expect(await rest.get(`/v1/fleet?asOf=${before.toISOString()}`)).toMatchObject({
        total: 1,
        byStatus: { Online: 1 },
      });
    });
  });

  test('a client elsewhere is answered exactly as one that does not exist, by every route and method', async () => {
    const paths = [
      '',
      '?asOf=2026-01-01T00:00:00Z',
      '/history',
      '/events',
      '/queue',
      '/settings',
      '/settings/effective',
    ];
    const asked = [
      ...paths.map((path) => ['GET', path, undefined] as const),
      ['PATCH', '', { name: 'x' }] as const,
      ['PATCH', '', { group: 'paris' }] as const,
      ['PATCH', '/settings', { a: 1 }] as const,
      ['DELETE', '', undefined] as const,
    ];
    for (const [method, path, body] of asked) {
      const of = async (id: string) => bare(await admin.rest.send(method, `/v1/clients/${id}${path}`, body));
      const nobody = await of('nobody');
      expect(nobody).toMatchObject({ status: 404, body: { code: 'not_registered' } });
      for (const id of ['r1', 'r2', 'root']) expect({ path, ...(await of(id)) }).toEqual({ path, ...nobody });
    }
    expect(await system.rest.get<Client>('/v1/clients/r1')).toMatchObject({ group: 'rome', name: 'PC r1' });
  });

  test('a client is moved within it, and neither out of it nor into it', async () => {
    const move = async (id: string, group: string) =>
      bare(await operator.rest.send('PATCH', `/v1/clients/${id}`, { group }));
    expect((await move('p1', 'paris/new')).status).toBe(200);
    expect((await move('p1', 'paris')).status).toBe(200);
    const [toRome, toNowhere] = [await move('p1', 'rome'), await move('p1', 'nowhere')];
    expect(toRome).toMatchObject({ status: 403, body: { code: 'forbidden', field: 'group' } });
    expect(toNowhere).toEqual(toRome);
    expect((await move('r1', 'paris')).status).toBe(404);
  });

  test('levels of settings elsewhere and the fleet’s are neither read nor changed; what applies to its clients shows', async () => {
    await system.rest.send('PATCH', '/v1/settings', { scan: { depth: 3 } });
    await system.rest.send('PATCH', '/v1/groups/rome/settings', { secret: 'of rome' });
    for (const path of ['/v1/settings', '/v1/groups/rome/settings', '/v1/groups/nowhere/settings']) {
      for (const method of ['GET', 'PATCH']) {
        const answer = await admin.rest.send<Problem>(method, path, method === 'PATCH' ? { a: 1 } : undefined);
        expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      }
    }
    const changed = await operator.rest.send('PATCH', '/v1/groups/paris/settings', { scan: { schedule: 'daily' } });
    expect(changed.status).toBe(200);
    expect(await operator.rest.get('/v1/clients/p2/settings/effective')).toMatchObject({
      values: { scan: { depth: 3, schedule: 'daily' } },
      from: { 'scan.depth': 'fleet', 'scan.schedule': 'group:paris' },
    });
  });

  test('the policy is changed by an administrator alone, of the group too', async () => {
    const policy = { reachback: { poll: { interval: 'PT10M' } } };
    const path = '/v1/groups/paris/settings';
    expect(await operator.rest.send('PATCH', path, policy)).toMatchObject({
      status: 403,
      body: { code: 'forbidden', field: 'reachback' },
    });
    expect((await admin.rest.send('PATCH', path, policy)).status).toBe(200);
    expect((await admin.rest.send('PATCH', path, { reachback: null })).status).toBe(200);
  });

  test('a release of its operator is for its clients alone, whatever it names and wherever they go', async () => {
    expect(await publish(operator.rest, '1', { all: true })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', field: 'target.all' },
    });
    expect(await publish(operator.rest, '1', { groups: ['paris', 'rome'] })).toMatchObject({
      status: 403,
      body: { field: 'target.groups.1' },
    });
    const named = await publish(operator.rest, '1', { clients: ['p1', 'r1', 'nobody'] });
    expect(named).toMatchObject({ status: 201, body: { within: 'paris', target: { clients: ['p1'] } } });
    const labelled = await publish(operator.rest, '2', { labels: { os: 'linux' } });
    expect((await operator.rest.get<Release>(`/v1/releases/${labelled.body.id}`)).progress.targeted).toBe(2);
    expect((await system.request('r1', 'poll')).updates).toEqual([]);
    expect((await system.request('p1', 'poll')).updates).toMatchObject([{ version: '2' }]);
    await system.rest.send('PATCH', '/v1/clients/p1', { group: 'rome' });
    expect((await system.request('p1', 'poll')).updates).toEqual([]);
    await system.rest.send('PATCH', '/v1/clients/p1', { group: 'paris' });
    await operator.rest.send('POST', `/v1/releases/${labelled.body.id}/withdraw`);
    await operator.rest.send('POST', `/v1/releases/${named.body.id}/withdraw`);
  });

  test('a release for others too is seen as far as it concerns its clients, and not changed; one for others is not there', async () => {
    const both = await publish(system.rest, '3', { groups: ['paris', 'rome'], clients: ['p2', 'r1'] });
    const rome = await publish(system.rest, '4', { groups: ['rome'] });
    const path = `/v1/releases/${both.body.id}`;
    expect(await viewer.rest.get(path)).toMatchObject({
      target: { groups: ['paris'], clients: ['p2'] },
      progress: { targeted: 2, pending: 2 },
    });
    const { items } = await viewer.rest.get<List<{ client: string }>>(`${path}/clients`);
    expect(items.map(({ client }) => client)).toEqual(['p1', 'p2']);
    expect((await viewer.rest.get<List<{ client: string }>>(`${path}/clients?state=pending`)).items).toHaveLength(2);
    expect((await admin.rest.send('POST', `${path}/withdraw`)).status).toBe(403);
    const none = '/v1/releases/00000000-0000-4000-8000-000000000000';
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/clients'],
      ['POST', '/pause'],
      ['POST', '/resume'],
      ['POST', '/withdraw'],
    ]) {
      const of = async (release: string) => bare(await admin.rest.send(method ?? '', `${release}${rest ?? ''}`));
      expect(await of(`/v1/releases/${rome.body.id}`)).toEqual(await of(none));
    }
    const { items: components } = await viewer.rest.get<List<{ releases: readonly Release[] }>>('/v1/components');
    const ids = components.flatMap(({ releases }) => releases.map(({ id }) => id));
    expect([ids.includes(both.body.id), ids.includes(rome.body.id)]).toEqual([true, false]);
    const taken = await publish(operator.rest, '4', { groups: ['paris'] });
    expect(taken).toMatchObject({ status: 409 });
    expect(taken.body.detail).not.toContain(rome.body.id);
  });

  test('the log has the facts about its clients, its groups and its own releases', async () => {
    const facts: { client: string | null; type: string; data: object }[] = [];
    for (let after = '0'; ;) {
      const page = await viewer.rest.get<List<(typeof facts)[number]>>(`/v1/events?after=${after}&limit=5`);
      facts.push(...page.items);
      if (page.nextCursor === null) break;
      after = page.nextCursor;
    }
    expect(new Set(facts.map(({ client }) => client))).toEqual(new Set([null, 'p1', 'p2']));
    const types = new Set(facts.filter(({ client }) => client === null).map(({ type }) => type));
    expect(types).toEqual(new Set(['settings-changed', 'release-published', 'release-withdrawn']));
    expect(JSON.stringify(facts)).not.toContain('of rome');
    expect((await viewer.rest.get<List<unknown>>('/v1/events?client=r1')).items).toEqual([]);
    expect((await viewer.rest.get<List<unknown>>('/v1/events?type=networks-changed')).items).toEqual([]);
  });

  test('a group elsewhere is not removed, nor its own, nor are clients moved out by removing one', async () => {
    const remove = async (path: string) => (await admin.rest.send('DELETE', `/v1/groups/${path}`)).status;
    expect(await remove('rome')).toBe(403);
    expect(await remove('nowhere')).toBe(403);
    expect(await remove('paris')).toBe(403);
    expect(await remove('paris%2Fdesktops?moveClientsTo=rome')).toBe(403);
    expect(await remove('paris%2Fnew')).toBe(200);
  });

  test('an Idempotency-Key is each key’s own', async () => {
    const headers = { 'Idempotency-Key': 'same for two' };
    const path = '/v1/groups/paris/settings';
    const first = await admin.rest.send<{ revision: string }>('PATCH', path, { idem: 1 }, headers);
    const again = await admin.rest.send<{ revision: string }>('PATCH', path, { idem: 1 }, headers);
    expect(again.body.revision).toBe(first.body.revision);
    expect((await operator.rest.send('PATCH', path, { idem: 2 }, headers)).status).toBe(200);
  });
});
