import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase } from '#embedded';
import { type Database, openDatabase } from '#event-log';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  system = await startSystem({ databaseUrl: database.url });
  db = openDatabase({ url: database.url, connections: 1 });
  for (const id of ['a', 'b']) await system.request(id, 'register', {});
});
afterAll(async () => {
  await db.end();
  await system.stop();
  await database.drop();
});

const countOf = async (code: string): Promise<number> => {
  const [row] = await db<{ count: string }[]>`SELECT count FROM reject_count WHERE code = ${code}`;
  return Number(row?.count ?? 0);
};

// On an open broker, where nothing else stands in the way.
test.each([
  ['a receipt', 'heartbeat', '', 'reachback.v1.b.heartbeat'],
  ['a receipt, as logs', 'heartbeat', '', 'reachback.v1.b.logs'],
  ['a receipt, as a goodbye', 'logs', '{}', 'reachback.v1.b.stop'],
  ['an answer', 'poll', '', 'reachback.v1.b.heartbeat'],
  ['an answer, as a goodbye', 'poll', '', 'reachback.v1.b.uninstall'],
  ['an answer, as a request', 'poll', '', 'reachback.v1.b.poll'],
  ['an error, as a goodbye', 'poll', 'not JSON', 'reachback.v1.b.stop'],
  ['an error, as a request', 'poll', 'not JSON', 'reachback.v1.b.register'],
  ['an answer, as what a responder passed on', 'poll', '', 'reachback.internal.v1.contact.b.poll'],
  ['a receipt, as what a responder passed on', 'heartbeat', '', 'reachback.internal.v1.contact.b.start'],
])('%s that is led to the subject of another is refused and counted', async (_, kind, payload, reply) => {
  const before = await system.client('b');
  const counted = await countOf('spoofed');
  system.nats.publish(`reachback.v1.a.${kind}`, payload, { reply });
  await until(async () => (await countOf('spoofed')) === counted + 1);
  expect(await system.client('b')).toEqual(before);
});

test('a request that says nowhere to answer is refused and counted', async () => {
  const counted = await countOf('bad_request');
  system.publish('b', 'poll', {});
  await until(async () => (await countOf('bad_request')) === counted + 1);
  expect((await system.client('b')).lastPollAt).toBeNull();
});
