import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GroupNode, GroupRemoval, JsonObject } from '#contracts';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

type Effective = { readonly revision: string; readonly values: JsonObject; readonly from: Record<string, string> };
type Problem = { readonly code: string; readonly detail: string };

let system: System;

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const register = (id: string, group: string) => system.request(id, 'register', { ips: ['10.1.2.3'], group });
const settingsPath = (group: string) => `/v1/groups/${encodeURIComponent(group)}/settings`;
const setGroup = async (group: string, patch: JsonObject) => {
  expect((await system.rest.send('PATCH', settingsPath(group), patch)).status).toBe(200);
};
const remove = (group: string, query = '') =>
  system.rest.send<GroupRemoval & Problem>('DELETE', `/v1/groups/${encodeURIComponent(group)}${query}`);
const effectiveOf = (id: string) => system.rest.get<Effective>(`/v1/clients/${id}/settings/effective`);
const tree = () => system.rest.get<GroupNode>('/v1/groups');
const nodeOf = async (path: string): Promise<GroupNode | undefined> => {
  const walk = (node: GroupNode): GroupNode[] => [node, ...node.children.flatMap(walk)];
  return walk(await tree()).find((node) => node.path === path);
};
const confirm = async (id: string) => {
  const { settings } = await system.request(id, 'poll');
  if (!settings) return;
  const results = [{ kind: 'settings', revision: settings.revision, outcome: 'applied' }];
  await system.request(id, 'ack', { results });
};
const silent = { reachback: { heartbeat: { enabled: false }, poll: { enabled: false } } };

describe('the tree', () => {
  test('R20 counts the clients of a group and all below it; empty groups and those with settings alone are there', async () => {
    await register('tree-1', 'lyon');
    await register('tree-2', 'lyon/floor 1/room');
    await register('tree-3', 'lyonnais');
    await setGroup('lyon/settings only', { scan: 'weekly' });
    await register('tree-4', 'lyon/emptied');
    await system.rest.send('DELETE', '/v1/clients/tree-4');
    expect(await nodeOf('lyon')).toMatchObject({ name: 'lyon', total: 2, byStatus: { 'Unreachable/Online': 2 } });
    expect(await nodeOf('lyon/floor 1')).toMatchObject({ name: 'floor 1', total: 1 });
    expect(await nodeOf('lyon/floor 1/room')).toMatchObject({ total: 1, children: [] });
    expect(await nodeOf('lyon/settings only')).toMatchObject({ total: 0 });
    expect(await nodeOf('lyon/emptied')).toMatchObject({ total: 0, byStatus: { 'Unreachable/Online': 0 } });
    expect((await tree()).total).toBe(3);
  });
});

describe('moving a client', () => {
  test('R20 its settings and its policy are those of the other group at once', async () => {
    await setGroup('berlin', { scan: { schedule: 'weekly' } });
    await setGroup('quiet', { scan: { schedule: 'never' }, ...silent });
    await register('mover', 'berlin');
    await confirm('mover');
    const before = await effectiveOf('mover');
    expect(before.values['scan']).toEqual({ schedule: 'weekly' });
    expect((await system.rest.send('PATCH', '/v1/clients/mover', { group: 'quiet' })).status).toBe(200);
    const after = await effectiveOf('mover');
    expect(after.values['scan']).toEqual({ schedule: 'never' });
    expect(after.from['scan.schedule']).toBe('group:quiet');
    expect(BigInt(after.revision)).toBeGreaterThan(BigInt(before.revision));
    const { cause } = await system.untilStatus('mover', 'Unreachable/Offline');
    expect(cause).toBe('policy-changed');
    const reply = await system.request('mover', 'poll');
    expect(reply.settings?.values['scan']).toEqual({ schedule: 'never' });
    expect(reply.policy.poll.enabled).toBe(false);
  });

  test('R11 to where its own settings give no policy is refused', async () => {
    await setGroup('slow', { reachback: { heartbeat: { interval: 'PT10M' }, offlineAfter: 'PT30M' } });
    await register('own', 'berlin');
    await system.rest.send('PATCH', '/v1/clients/own/settings', { reachback: { offlineAfter: 'PT2M' } });
    const refused = await system.rest.send<Problem>('PATCH', '/v1/clients/own', { group: 'slow' });
    expect(refused).toMatchObject({ status: 422, body: { code: 'policy_out_of_range' } });
    expect(refused.body.detail).toContain('"own"');
    await register('own-2', 'berlin/west');
    await system.rest.send('PATCH', '/v1/clients/own-2/settings', { reachback: { offlineAfter: 'PT2M' } });
    expect(await remove('berlin/west', '?moveClientsTo=slow')).toMatchObject({ status: 422 });
    expect(await nodeOf('berlin/west')).toMatchObject({ total: 1 });
  });
});

describe('removing a group', () => {
  test('with clients is refused with their number, until one says where they go', async () => {
    await setGroup('paris', { scan: { schedule: 'hourly' }, proxy: 'paris' });
    await setGroup('paris/desktops', { scan: { depth: 3 } });
    for (const id of ['p-1', 'p-2']) await register(id, 'paris/desktops');
    await register('p-3', 'parisian');
    await Promise.all(['p-1', 'p-2'].map(confirm));
    const refused = await remove('paris');
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(refused.body.detail).toMatch(/2 clients.*moveClientsTo/);
    expect(await remove('paris', '?moveClientsTo=paris/front')).toMatchObject({ status: 400 });
    expect(await nodeOf('paris')).toMatchObject({ total: 2 });
  });

  test('R20 moves its clients by one fact; they get the settings of the other group as a new revision', async () => {
    const before = await effectiveOf('p-1');
    const removed = await remove('paris', '?moveClientsTo=berlin');
    expect(removed).toMatchObject({
      status: 200,
      body: { removedGroups: ['paris', 'paris/desktops'], movedClients: 2 },
    });
    expect(await nodeOf('paris')).toBeUndefined();
    expect(await system.client('p-1')).toMatchObject({ group: 'berlin', undelivered: 1 });
    expect((await system.client('p-3')).group).toBe('parisian');
    const after = await effectiveOf('p-1');
    expect(BigInt(after.revision)).toBeGreaterThan(BigInt(before.revision));
    const { settings } = await system.request('p-1', 'poll');
    expect(settings).toMatchObject({ revision: after.revision, values: { scan: { schedule: 'weekly' } } });
    expect(settings?.values).not.toHaveProperty('proxy');
    expect(await system.rest.get(settingsPath('paris/desktops'))).toMatchObject({ revision: '0', values: {} });
    const facts = await system.rest.get<{ items: unknown[] }>('/v1/events?type=group-removed');
    expect(facts.items).toHaveLength(1);
  });

  test('R20 a group that comes back under the same path has nothing of the old one', async () => {
    await setGroup('castle', { everywhere: true });
    await setGroup('castle/ghost', { haunted: false });
    await setGroup('castle', { everywhere: 'yes' });
    await register('g-1', 'castle/ghost');
    expect((await system.request('g-1', 'poll')).settings?.values).toMatchObject({ haunted: false });
    expect((await remove('castle/ghost', '?moveClientsTo=')).body.movedClients).toBe(1);
    await register('g-2', 'castle/ghost');
    const { settings } = await system.request('g-2', 'poll');
    expect(settings?.values).toMatchObject({ everywhere: 'yes' });
    expect(settings?.values).not.toHaveProperty('haunted');
  });

  test('R7 R20 those it moves have another policy at once, and after a restart too', async () => {
    await register('r-1', 'noisy/one');
    expect((await system.client('r-1')).status).toBe('Unreachable/Online');
    await remove('noisy', '?moveClientsTo=quiet');
    expect((await system.untilStatus('r-1', 'Unreachable/Offline')).cause).toBe('policy-changed');
    await system.server.kill();
    await system.restart();
    await setGroup('quiet', { reachback: { poll: { enabled: true, interval: 'PT1M' } } });
    await until(async () => {
      await system.request('r-1', 'poll');
      return (await system.client('r-1')).status === 'Unreachable/Online';
    });
  });

  test('R20 its policy goes with it, for those it moves and for the group that comes back', async () => {
    await setGroup('mute', silent);
    await register('m-1', 'mute');
    expect((await system.untilStatus('m-1', 'Unreachable/Offline')).cause).toBe('no-route');
    await remove('mute', '?moveClientsTo=');
    await until(async () => {
      system.publish('m-1', 'heartbeat');
      return (await system.client('m-1')).status === 'Unreachable/Online';
    });
    const reply = await register('m-2', 'mute');
    expect(reply.policy.heartbeat.enabled).toBe(true);
    expect(await system.client('m-2')).toMatchObject({ status: 'Unreachable/Online', cause: 'registered' });
  });

  test('an empty one needs no word; a client that was removed from it can come back', async () => {
    await register('e-1', 'empty/below');
    await system.rest.send('DELETE', '/v1/clients/e-1');
    expect(await remove('empty')).toMatchObject({ status: 200, body: { movedClients: 0 } });
    expect(await nodeOf('empty/below')).toBeUndefined();
    await register('e-1', 'empty/below');
    expect(await system.client('e-1')).toMatchObject({ group: 'empty/below', status: 'Unreachable/Online' });
  });

  test('the root has no address to be removed at, and what is not there is not found', async () => {
    expect(await remove('', '?moveClientsTo=berlin')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await remove('nowhere')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
