import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Database, openDatabase } from '#event-log';
import { makeKey } from '../helpers/keys.js';
import { restClient } from '../helpers/rest.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';
import { startSystem, type System } from '../helpers/system.js';

type Key = {
  readonly id: string;
  readonly key: string | null;
  readonly name: string;
  readonly role: string;
  readonly lastUsedAt: string | null;
};

let system: System;
let second: ServerProcess;
let db: Database;

beforeAll(async () => {
  system = await startSystem({ logLevel: 'trace' });
  const parts = { natsUrl: system.broker.url, databaseUrl: system.databaseUrl };
  second = await startServerProcess({ ...parts, roles: 'api', logLevel: 'trace' });
  db = openDatabase({ url: system.databaseUrl });
}, 120_000);
afterAll(async () => {
  await db.end();
  await second.stop();
  await system.stop();
});

/** What a key is answered by each of two servers. */
const statuses = (key: string, path = '/v1/clients') =>
  Promise.all(
    [system.server.url, second.url].map(async (url) => (await restClient({ url, key }).send('GET', path)).status),
  );

describe('administrators’ keys', () => {
  test('a key is shown once; it is good on every server until it is revoked, and then on none', async () => {
    const { id, key } = await makeKey(system, { name: 'one', role: 'viewer' });
    expect(key).toMatch(new RegExp(`^rb_${id}_[\\w-]{43}$`));
    expect(await statuses(key)).toEqual([200, 200]);
    const shown = await system.rest.send<Key>('GET', `/v1/keys/${id}`);
    expect(shown.body).toMatchObject({ id, name: 'one', role: 'viewer', group: '', createdBy: 'admin:default' });
    expect(JSON.stringify([shown.body, await system.rest.get('/v1/keys')])).not.toContain(key.slice(16));
    expect((await system.rest.send('DELETE', `/v1/keys/${id}`)).status).toBe(200);
    expect(await statuses(key)).toEqual([401, 401]);
    expect((await system.rest.send('DELETE', `/v1/keys/${id}`)).status).toBe(404);
    expect((await system.rest.send('PATCH', `/v1/keys/${id}`, { role: 'admin' })).status).toBe(404);
    expect(await system.rest.get('/v1/keys?revoked=true')).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ id, revokedAt: expect.any(String) })]),
    });
  });

  test('a change counts from the next request on, on every server', async () => {
    const { id, key } = await makeKey(system, { name: 'two', role: 'admin' });
    expect(await statuses(key, '/v1/keys')).toEqual([200, 200]);
    await system.rest.send('PATCH', `/v1/keys/${id}`, { role: 'operator' });
    expect(await statuses(key, '/v1/keys')).toEqual([403, 403]);
    await system.rest.send('PATCH', `/v1/keys/${id}`, { group: 'paris' });
    expect(await statuses(key, '/v1/settings')).toEqual([403, 403]);
    expect(await statuses(key)).toEqual([200, 200]);
  });

  test('a wrong secret, an unknown id and what is no key at all are answered alike', async () => {
    const { id, key } = await makeKey(system, { name: 'three', role: 'viewer' });
    const wrong = [`rb_${id}_${'x'.repeat(43)}`, `rb_aaaaaaaaaaaa_${key.slice(16)}`, `${key}x`, 'rb_', `rb_${id}_`, id];
    const details = new Set<unknown>();
    for (const one of wrong) {
      const { url } = system.server;
      const { status, body } = await restClient({ url, key: one }).send<{ detail: string; code: string }>(
        'GET',
        '/v1/keys',
      );
      details.add(JSON.stringify([status, body.code, body.detail]));
    }
    expect([...details]).toEqual([JSON.stringify([401, 'unauthorized', 'The administrator key is missing or wrong'])]);
  });

  test('what is stored, logged and told of a key does not tell it', async () => {
    const headers = { 'Idempotency-Key': 'make four' };
    const make = () => system.rest.send<Key>('POST', '/v1/keys', { name: 'four', role: 'viewer' }, headers);
    const { body: made } = await make();
    const secret = (made.key ?? '').slice(16);
    expect(await statuses(made.key ?? '')).toEqual([200, 200]);
    // It comes again without the key, which is stored nowhere.
    expect((await make()).body).toEqual({ ...made, key: null });
    for (const table of ['event', 'admin_key', 'admin_key_hash', 'idempotent_reply']) {
      const rows = await db<{ row: string }[]>`SELECT to_jsonb(t)::text AS row FROM ${db(table)} t`;
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
    }
    const [kept] = await db<{ hash: string }[]>`SELECT hash FROM admin_key_hash WHERE id = ${made.id}`;
    expect(kept?.hash).toMatch(/^scrypt\$16384\$8\$1\$/);
    expect([system.server.log(), second.log()].join().includes(secret)).toBe(false);
  });

  test('the facts say who made, changed and revoked it; every fact which key did it', async () => {
    const { id, rest } = await makeKey(system, { name: 'five', role: 'operator' });
    await rest.send('PATCH', '/v1/settings', { five: 5 });
    await system.rest.send('PATCH', `/v1/keys/${id}`, { name: 'six' });
    await system.rest.send('DELETE', `/v1/keys/${id}?work=keep`);
    const facts = await db<{ type: string; data: object; meta: object }[]>`
      SELECT type, data, meta FROM event WHERE data->>'id' = ${id} OR meta->>'key' = ${id} ORDER BY position`;
    const key = { id, role: 'operator', group: '', expiresAt: null };
    expect(facts).toMatchObject([
      { type: 'admin-key-created', data: { ...key, name: 'five' }, meta: { actor: 'admin:default', key: 'default' } },
      { type: 'settings-changed', meta: { actor: 'admin:five', key: id } },
      { type: 'admin-key-changed', data: { ...key, name: 'six', keepsWork: false } },
      { type: 'admin-key-revoked', data: { id, keepsWork: true } },
    ]);
  });

  test('its last use is noted once in five minutes, not with every request', async () => {
    const { id, key, rest } = await makeKey(system, { name: 'seven', role: 'viewer' });
    const lastUse = async () => (await system.rest.get<Key>(`/v1/keys/${id}`)).lastUsedAt;
    expect(await lastUse()).toBeNull();
    await statuses(key);
    const first = await lastUse();
    expect(Date.now() - Date.parse(first ?? '')).toBeLessThan(60_000);
    await rest.get('/v1/clients');
    expect(await lastUse()).toBe(first);
    await db`UPDATE admin_key SET last_used_at = now() - interval '6 minutes' WHERE id = ${id}`;
    await rest.get('/v1/clients');
    expect(Date.parse((await lastUse()) ?? '')).toBeGreaterThanOrEqual(Date.parse(first ?? ''));
  });

  test('a name is taken while its key is not revoked; an expiry lies ahead; the first key’s name is its own', async () => {
    const make = async (body: object) => {
      const { status, body: answer } = await system.rest.send<{ code: string }>('POST', '/v1/keys', body);
      return [status, answer.code];
    };
    await makeKey(system, { name: 'eight', role: 'viewer' });
    expect(await make({ name: 'eight', role: 'viewer' })).toEqual([409, 'conflict']);
    expect(await make({ name: 'default', role: 'viewer' })).toEqual([400, 'bad_request']);
    expect(await make({ name: 'nine', role: 'root' })).toEqual([400, 'bad_request']);
    expect(await make({ name: 'nine', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' })).toEqual([
      400,
      'bad_request',
    ]);
  });

  test('metrics are read with a viewer’s key, in a process without the API too', async () => {
    const { key } = await makeKey(system, { name: 'prometheus', role: 'viewer' });
    const parts = { natsUrl: system.broker.url, databaseUrl: system.databaseUrl };
    const other = await startServerProcess({ ...parts, roles: 'project' });
    const ask = async (bearer: string) =>
      (await fetch(`${other.url}/metrics`, { headers: { Authorization: `Bearer ${bearer}` } })).status;
    expect([await ask(key), await ask(`${key.slice(0, -1)}_`), await ask(other.key)]).toEqual([200, 401, 200]);
    const { key: limited } = await makeKey(system, { name: 'limited', role: 'admin', group: 'paris' });
    expect(await ask(limited)).toBe(403);
    await other.stop();
  });
});
