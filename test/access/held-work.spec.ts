import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '#contracts';
import { until } from '../helpers/conditions.js';
import { makeKey, type MadeKey } from '../helpers/keys.js';
import { startSystem, type System } from '../helpers/system.js';

type Held = { readonly held: { readonly releases: readonly string[]; readonly settings: readonly object[] } };
type List<T> = { readonly items: readonly T[] };
type Item = { readonly kind: string; readonly key: string; readonly state: string; readonly held: boolean };

const file = { url: 'https://updates.example/x', sha256: 'a'.repeat(64), size: 1 };
let system: System;
let number = 0;

beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(() => system.stop());

/** A client in a group of the test's own, and an operator's key. */
const begin = async (options: { readonly role?: string; readonly group?: string } = {}) => {
  number++;
  const group = `site-${number}`;
  const client = `pc-${number}`;
  const { settings } = await system.request(client, 'register', { group: `${group}/desktops` });
  await settle(client, settings);
  const limit = options.group === undefined ? '' : group + options.group;
  const key = await makeKey(system, { name: `key ${number}`, role: options.role ?? 'operator', group: limit });
  return { group, client, key };
};

const settle = async (client: string, settings: { readonly revision: string } | null) => {
  if (!settings) return;
  const results = [{ kind: 'settings', revision: settings.revision, outcome: 'applied' }];
  await system.request(client, 'ack', { results });
};

const publish = async ({ rest }: MadeKey, target: object): Promise<string> => {
  const body = { ...file, version: String(++number), target };
  const { status, body: release } = await rest.send<{ id: string }>('POST', `/v1/components/c${number}/releases`, body);
  expect(status).toBe(201);
  return release.id;
};

const queue = async (client: string) => {
  const { items } = await system.rest.get<List<Item>>(`/v1/clients/${client}/queue`);
  return items.map(({ kind, state, held }) => ({ kind, state, held }));
};

const revoke = async ({ id }: MadeKey, query = '') => {
  const { status, body } = await system.rest.send<Held>('DELETE', `/v1/keys/${id}${query}`);
  expect(status).toBe(200);
  return body.held;
};

const fetched = async (client: string) => {
  const { settings, updates } = await system.request(client, 'poll');
  return { settings: settings !== null, updates: updates.length };
};

/** The ids, where they have one, of what the audit of a group says was done of a type. */
const auditedOf = async (group: string, type: string): Promise<readonly (string | undefined)[]> => {
  const { items } = await system.rest.get<{ items: readonly { readonly data: { readonly id?: string } }[] }>(
    `/v1/audit?group=${encodeURIComponent(group)}&type=${type}`,
  );
  return items.map(({ data }) => data.id);
};

describe('G4: what was queued by somebody who has since lost the right', () => {
  test('G4: a release is held, visible, and delivered to nobody; an administrator who resumes it answers for it', async () => {
    const { group, client, key } = await begin();
    const id = await publish(key, { groups: [group] });
    expect(await revoke(key)).toEqual({ releases: [id], settings: [] });
    expect(await auditedOf(group, 'release-held')).toEqual([id]);
    expect(await queue(client)).toEqual([{ kind: 'update', state: 'pending', held: true }]);
    expect(await fetched(client)).toEqual({ settings: false, updates: 0 });
    const release = await system.rest.get(`/v1/releases/${id}`);
    expect(release).toMatchObject({
      held: { reason: 'key-revoked' },
      pausedAt: expect.any(String),
      eta: null,
      progress: { targeted: 1, pending: 1 },
    });
    expect(await system.rest.get(`/v1/releases/${id}/clients`)).toMatchObject({ items: [{ client, why: 'held' }] });
    expect((await system.rest.get<Client>(`/v1/clients/${client}`)).undelivered).toBe(1);
    const other = await makeKey(system, { name: `operator ${number}`, role: 'operator' });
    expect(await other.rest.send('POST', `/v1/releases/${id}/resume`)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    const head = await makeKey(system, { name: `head ${number}`, role: 'admin' });
    expect((await head.rest.send('POST', `/v1/releases/${id}/resume`)).body).toMatchObject({
      held: null,
      pausedAt: null,
    });
    expect(await fetched(client)).toEqual({ settings: false, updates: 1 });
    expect((await revoke(head)).releases).toEqual([id]);
  });

  test('G4: a level of settings is held: who lacks it gets none, who has it gets what comes later; changing it releases it', async () => {
    const { group, client, key } = await begin();
    const late = `${client}-late`;
    await system
      .request(late, 'register', { group: `${group}/desktops` })
      .then(({ settings }) => settle(late, settings));
    const path = `/v1/groups/${group}/settings`;
    await key.rest.send('PATCH', path, { scan: 'daily' });
    await settle(client, (await system.request(client, 'poll')).settings);
    expect((await revoke(key)).settings).toEqual([{ scope: 'group', path: group }]);
    expect(await auditedOf(group, 'settings-held')).toHaveLength(1);
    expect(await system.rest.get(path)).toMatchObject({ values: { scan: 'daily' }, held: { reason: 'key-revoked' } });
    expect(await queue(late)).toEqual([{ kind: 'settings', state: 'pending', held: true }]);
    expect(await fetched(late)).toEqual({ settings: false, updates: 0 });
    expect(await queue(client)).toEqual([]);
    await system.rest.send('PATCH', `/v1/clients/${client}/settings`, { own: 1 });
    expect(await fetched(client)).toEqual({ settings: true, updates: 0 });

    const moved = `${client}-moved`;
    await system.request(moved, 'register', {}).then(({ settings }) => settle(moved, settings));
    await system.rest.send('PATCH', `/v1/clients/${moved}`, { group });
    expect(await fetched(moved)).toEqual({ settings: false, updates: 0 });

    const other = await makeKey(system, { name: `operator ${number} of settings`, role: 'operator' });
    expect((await other.rest.send('PATCH', path, { more: 1 })).status).toBe(403);
    expect((await system.rest.send('PATCH', path, {})).body).toMatchObject({ held: null, values: { scan: 'daily' } });
    expect(await fetched(late)).toEqual({ settings: true, updates: 0 });
    expect(await fetched(moved)).toEqual({ settings: true, updates: 0 });
  });

  test('G4: a lowered role holds all of it, a smaller group what lies outside, a new name nothing', async () => {
    const { group, client, key } = await begin({ group: '' });
    const inside = await publish(key, { groups: [`${group}/desktops`] });
    const outside = await publish(key, { groups: [group] });
    await key.rest.send('PATCH', `/v1/clients/${client}/settings`, { own: 1 });
    const change = async (patch: object) => {
      const { status, body } = await system.rest.send<Held>('PATCH', `/v1/keys/${key.id}`, patch);
      expect(status).toBe(200);
      return body.held;
    };
    expect(await change({ name: `renamed ${number}` })).toEqual({ releases: [], settings: [] });
    // Both are within the group that the key had when it published them, which is more than it has now.
    expect(await change({ group: `${group}/desktops` })).toEqual({ releases: [outside], settings: [] });
    expect(await system.rest.get(`/v1/releases/${outside}`)).toMatchObject({ held: { reason: 'group-changed' } });
    expect(await change({ role: 'viewer' })).toEqual({
      releases: [inside],
      settings: [{ scope: 'client', id: client }],
    });
    expect(await system.rest.get(`/v1/releases/${inside}`)).toMatchObject({ held: { reason: 'role-lowered' } });
    expect(await fetched(client)).toEqual({ settings: false, updates: 0 });
  });

  test('whoever revokes a key may say that what it queued is delivered all the same', async () => {
    const { group, client, key } = await begin();
    await publish(key, { groups: [group] });
    expect(await revoke(key, '?work=keep')).toEqual({ releases: [], settings: [] });
    expect(await fetched(client)).toEqual({ settings: false, updates: 1 });
  });

  test('an expiry takes nothing back: what was done while the key was good is delivered', async () => {
    const { group, client, key } = await begin();
    await publish(key, { groups: [group] });
    const expiresAt = new Date(Date.now() + 300).toISOString();
    expect((await system.rest.send('PATCH', `/v1/keys/${key.id}`, { expiresAt })).status).toBe(200);
    await until(
      () => key.rest.send('GET', '/v1/fleet'),
      ({ status }) => status === 401,
    );
    expect(await fetched(client)).toEqual({ settings: false, updates: 1 });
  });

  test('what another has changed since, or was withdrawn, is not held', async () => {
    const { group, key } = await begin();
    const path = `/v1/groups/${group}/settings`;
    await key.rest.send('PATCH', path, { scan: 'daily' });
    await system.rest.send('PATCH', path, { more: 1 });
    const id = await publish(key, { groups: [group] });
    await system.rest.send('POST', `/v1/releases/${id}/withdraw`);
    expect(await revoke(key)).toEqual({ releases: [], settings: [] });
  });
});
