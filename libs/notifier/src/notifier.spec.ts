import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { FactData, NewFact } from '#contracts';
import { createTestDatabase, startTestNats, type TestServer } from '#embedded';
import { appendFacts, type Database, migrate, openDatabase, transact } from '#event-log';
import { inlineProjections } from '#projections';
import { until } from '../../../test/helpers/conditions.js';
import { startNotifier } from './notifier.js';
import { retries } from './rules.js';

const lane = 0;
const log = pino({ level: 'silent' });
const retryInterval = 200;
const meta = { actor: 'system' };

let broker: TestServer;
let clients: NatsConnection;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
let stops: (() => Promise<void>)[] = [];
/** Who was asked, in order; and who answers. */
let heard: { id: string; reason: string }[] = [];
let silent: ReadonlySet<string> = new Set();

beforeAll(async () => {
  broker = await startTestNats();
  clients = await connect({ servers: broker.url, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  clients.subscribe('reachback.v1.*.notify', {
    callback: (_, message) => {
      const id = message.subject.split('.')[2] ?? '';
      heard.push({ id, reason: message.json<{ reason: string }>().reason });
      if (!silent.has(id)) message.respond('{}');
    },
  });
  await clients.flush();
});
beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  await migrate(db);
  heard = [];
  silent = new Set();
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await db.end();
  await database.drop();
});
afterAll(async () => {
  await clients.close();
  await broker.stop();
});

/** A server's notifier with connections of its own; what it returns ends it as a kill would: nothing is put in order. */
const start = async (answerTimeout = 400): Promise<() => Promise<void>> => {
  const nats = await connect({ servers: broker.url, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  const own = openDatabase({ url: database.url });
  const notifier = startNotifier({ db: own, nats, lane, log, retryInterval, answerTimeout });
  const stop = async () => {
    await notifier.stop();
    await nats.close();
    await own.end();
  };
  stops.push(stop);
  return async () => {
    stops = stops.filter((other) => other !== stop);
    await own.end({ timeout: 0 });
    await nats.close();
    await notifier.stop();
  };
};

const append = (facts: readonly NewFact[]) => transact(db, (tx) => appendFacts(tx, lane, facts, inlineProjections));

let ordinals = 0;
const register = (ids: readonly string[], network: 'direct' | 'unreachable' = 'direct', group = '') =>
  append(
    ids.flatMap((client): NewFact[] => {
      const registered = { name: null, group, labels: {}, ips: ['192.168.0.1'], agentVersion: null, installed: {} };
      const status = network === 'direct' ? 'Online' : 'Unreachable/Online';
      const at = new Date().toISOString();
      return [
        { type: 'client-registered', client, meta, data: { ...registered, ordinal: ordinals++ } },
        {
          type: 'client-status-changed',
          client,
          meta,
          data: { at, status, cause: 'registered', network, networkName: network === 'direct' ? null : 'nat' },
        },
      ];
    }),
  );

type Level = FactData['settings-changed']['level'];
const change = (level: Level = { scope: 'fleet' }) =>
  append([
    {
      type: 'settings-changed',
      client: level.scope === 'client' ? level.id : null,
      meta,
      data: { level, patch: {}, values: { at: randomUUID() } },
    },
  ]);
const publish = (target: FactData['release-published']['target']) => {
  const file = { url: 'https://updates.example/x', sha256: 'a'.repeat(64), size: 1, deliverBy: null, rollout: null };
  const data = { id: randomUUID(), component: 'scan-engine', version: randomUUID(), ...file, target };
  return append([{ type: 'release-published', client: null, meta, data }]);
};
const edit = (client: string, data: FactData['client-edited']) =>
  append([{ type: 'client-edited', client, meta, data }]);
/** The client has fetched and applied the settings of today. */
const confirm = async (client: string) => {
  const [row] = await db<{ revision: string }[]>`
    SELECT revision::text AS revision FROM effective_revision WHERE client_id = ${client}`;
  const item = { kind: 'settings', key: 'settings', revision: row?.revision ?? '', release: null } as const;
  await append([
    { type: 'work-settled', client, meta, data: { items: [{ ...item, outcome: 'applied', error: null, via: 'ack' }] } },
  ]);
};

const countOf = (id: string) => heard.filter((one) => one.id === id).length;
const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(5, '0')}`);
const untilQuiet = () =>
  until(async () => {
    const [row] = await db<{ open: number }[]>`
      SELECT (SELECT count(*) FROM notification_round)::integer + (SELECT count(*) FROM notification_due)::integer AS open`;
    const [caughtUp] = await db`
      SELECT FROM lane l JOIN projection_checkpoint c ON c.name = 'notifications' AND c.position = l.position`;
    return caughtUp && row?.open === 0;
  });

test('R18 whom a change concerns is told once, whom it does not concern nothing', async () => {
  await register(['paris-1', 'paris-2'], 'direct', 'paris');
  await register(['oslo-1'], 'direct', 'oslo');
  await start();
  await change({ scope: 'group', path: 'paris' });
  await untilQuiet();
  expect(heard.map(({ id, reason }) => `${id} ${reason}`).sort()).toEqual(['paris-1 settings', 'paris-2 settings']);
  heard = [];
  await publish({ groups: ['oslo'] });
  await untilQuiet();
  await publish({ clients: ['paris-2'] });
  await untilQuiet();
  await change({ scope: 'client', id: 'paris-1' });
  await untilQuiet();
  await edit('oslo-1', { group: 'paris' });
  await untilQuiet();
  await edit('oslo-1', { name: 'The one from Oslo' });
  await untilQuiet();
  expect(heard.map(({ id, reason }) => `${id} ${reason}`)).toEqual([
    'oslo-1 update',
    'paris-2 update',
    'paris-1 settings',
    'oslo-1 settings',
  ]);
});

test('R17 unreachable clients, and those of no class yet, get nothing, not even while presence has yet to learn', async () => {
  await register(['direct']);
  await register(named('nat', 20), 'unreachable');
  await register(['moved']);
  const unseen = { name: null, group: '', labels: {}, ips: [], agentVersion: null, installed: {}, ordinal: ordinals++ };
  await append([{ type: 'client-registered', client: 'unseen', meta, data: unseen }]);
  await append([
    { type: 'client-status-changed', client: 'direct', meta, data: directNow() },
    { type: 'client-addresses-changed', client: 'moved', meta, data: { ips: ['10.0.0.1'] } },
    { type: 'networks-changed', client: null, meta, data: { networks: [{ name: 'nat', ranges: ['10.0.0.0/8'] }] } },
  ]);
  await start();
  await change();
  await publish({ all: true });
  await change({ scope: 'client', id: 'nat-00003' });
  await change({ scope: 'client', id: 'moved' });
  await untilQuiet();
  expect(heard.map(({ id, reason }) => `${id} ${reason}`).sort()).toEqual(['direct settings', 'direct update']);
});
const directNow = () => ({
  at: new Date().toISOString(),
  status: 'Online' as const,
  cause: 'started' as const,
  network: 'direct' as const,
  networkName: null,
});

test('R18 nobody answers: told again five times, then no more; who answers in between is left alone', async () => {
  await register(['gone', 'late', 'busy']);
  silent = new Set(['gone', 'late', 'busy']);
  await start();
  await change();
  await until(() => countOf('late') === 2);
  silent = new Set(['gone', 'busy']);
  await until(() => countOf('busy') === 2);
  await confirm('busy');
  await until(() => countOf('gone') === 1 + retries, Boolean, { seconds: 40 });
  await untilQuiet();
  expect(countOf('gone')).toBe(1 + retries);
  expect(countOf('late')).toBe(3);
  // The change of status may have crossed with one question under way.
  expect(countOf('busy')).toBeLessThanOrEqual(3);
});

test('R18 a client that does not answer delays neither the others nor a later change', async () => {
  const ids = named('pc', 2_500);
  await register(ids);
  silent = new Set(ids.filter((_, i) => i % 250 === 0));
  await start(4_000);
  await change();
  await until(() => heard.length === ids.length, Boolean, { seconds: 3 });
  await publish({ all: true });
  await until(() => heard.length === 2 * ids.length, Boolean, { seconds: 3 });
  const [row] = await db<{ count: number }[]>`SELECT count(*)::integer AS count FROM notification_due`;
  expect(row?.count).toBe(0);
});

test('R18 a change that was being told when the server was killed is told on by the next; nobody is forgotten', async () => {
  const ids = named('pc', 2_500);
  await register(ids);
  silent = new Set(ids.filter((_, i) => i % 250 === 0));
  const kill = await start(1_000);
  await change();
  await until(() => heard.length > 1_200, Boolean, { pause: 2 });
  await kill();
  await start(1_000);
  await until(() => ids.every((id) => countOf(id) > 0));
  for (const id of silent) await until(() => countOf(id) >= 2);
  for (const id of ids.filter((one) => !silent.has(one))) expect(countOf(id)).toBeLessThanOrEqual(2);
});

test('R18 who was to be told again when the server was killed is told by the next', async () => {
  await register(['pc-1']);
  silent = new Set(['pc-1']);
  const kill = await start(1_000);
  await change();
  await until(() => countOf('pc-1') === 2);
  await kill();
  silent = new Set();
  await start();
  await until(() => countOf('pc-1') === 3);
  await untilQuiet();
  expect(countOf('pc-1')).toBe(3);
});

test('R18 two servers share the work: nobody is told twice', async () => {
  const ids = named('pc', 1_500);
  await register(ids);
  await Promise.all([start(), start(), start()]);
  await change();
  await publish({ clients: ids.slice(0, 700) });
  await untilQuiet();
  const counts = new Map<string, number>();
  for (const { id, reason } of heard) counts.set(`${id} ${reason}`, (counts.get(`${id} ${reason}`) ?? 0) + 1);
  expect(counts.size).toBe(1_500 + 700);
  expect(Math.max(...counts.values())).toBe(1);
});

test('R18 while the broker is away nobody counts as silent', async () => {
  await register(['pc-1']);
  await start();
  await broker.kill();
  await change();
  await until(async () => (await db`SELECT FROM notification_round`).length === 1);
  await broker.start();
  await until(() => countOf('pc-1') > 0);
  await untilQuiet();
  expect(countOf('pc-1')).toBe(1);
});
