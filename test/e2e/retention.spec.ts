import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '#contracts';
import { type Database, openDatabase, readLane } from '#event-log';
import { recoverPresence } from '#intake';
import { saveSnapshot, takeSnapshot } from '../../libs/intake/src/snapshot.js';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

type Events = { readonly items: readonly { readonly type: string }[]; readonly contactsFrom: string | null };

const lane = 0;
let system: System;
let db: Database;

beforeAll(async () => {
  system = await startSystem();
  db = openDatabase({ url: system.databaseUrl });
});
afterAll(async () => {
  await db.end();
  await system.stop();
});

const events = () => system.rest.get<Events>('/v1/clients/pc-17/events?from=2020-01-01T00:00:00Z');
const history = () => system.rest.get('/v1/clients/pc-17/history');
const beatsOf = ({ items }: Events) => items.filter(({ type }) => type === 'heartbeat').length;

/** Makes the contacts three weeks older than they are, with a snapshot of what they led to, as time would have. */
const age = async (): Promise<void> => {
  const row = await readLane(db, lane);
  const { presence } = await recoverPresence(db, lane, row);
  await saveSnapshot(db, lane, takeSnapshot(presence, row.position));
  for (const days of [20, 21, 22])
    await db`SELECT ensure_contact_partition((now() - make_interval(days => ${days}))::date)`;
  await db`UPDATE contact_chunk SET at = at - interval '21 days'`;
};

type Stored = {
  readonly contacts: { readonly days: readonly unknown[]; readonly keptDays: number; readonly bytesPerContact: number };
  readonly stream: { readonly messages: number; readonly bytes: number };
};

test('G2 a server drops contacts that are older than a week, says so, and knows everything else as before', async () => {
  await system.request('pc-17', 'register', { ips: ['10.1.2.3'] });
  for (let i = 0; i < 5; i++) await system.nats.request('reachback.v1.pc-17.heartbeat', '');
  await until(events, (page) => beatsOf(page) === 5);
  expect((await events()).contactsFrom).toBeNull();
  const stored = await system.rest.get<Stored>('/v1/storage');
  expect(stored.contacts).toMatchObject({ keptDays: 7, bytesPerContact: expect.any(Number) });
  expect(stored.contacts.days.length).toBeGreaterThan(0);
  expect(stored.stream.messages).toBeGreaterThan(0);
  const before = { client: await system.rest.get<Client>('/v1/clients/pc-17'), history: await history() };
  await system.server.stop();
  await age();
  await system.restart();
  const page = await until(events, ({ contactsFrom }) => contactsFrom !== null);
  expect(Date.parse(page.contactsFrom ?? '')).toBeLessThan(Date.now() - 7 * 86_400_000);
  await until(async () => (await db`SELECT FROM contact_drop`).length === 0);
  const after = await events();
  expect(beatsOf(after)).toBe(0);
  expect(after.items.map(({ type }) => type)).toContain('client-registered');
  const client = await system.rest.get<Client>('/v1/clients/pc-17');
  expect(client.lastHeartbeatAt).toBe(before.client.lastHeartbeatAt);
  expect(client).toMatchObject({ status: before.client.status, since: before.client.since });
  expect(await history()).toEqual(before.history);
  await system.server.kill();
  await system.restart();
  expect((await system.rest.get<Client>('/v1/clients/pc-17')).lastHeartbeatAt).toBe(before.client.lastHeartbeatAt);
});
