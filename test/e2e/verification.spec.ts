import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { unansweredSchema } from '#contracts';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

type Verification = {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly progress: Readonly<Record<'direct' | 'asked' | 'answered' | 'unanswered' | 'skipped', number>>;
};
type List = { readonly items: readonly Verification[]; readonly nextCursor: string | null };

const direct = '192.168.7.7';
const present = ['here-1', 'here-2'];
/** Connected but silent; and not connected at all. */
const absent = ['stuck', 'gone'];

let system: System;
let machines: NatsConnection;
const heard: string[] = [];
/** What the lanes are told: the client, what it did, and the payload. */
const toldLane: { readonly id: string; readonly kind: string; readonly payload: string }[] = [];

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  machines = await connect({ servers: system.broker.url });
  const listen = (id: string, answers: boolean) =>
    machines.subscribe(`reachback.v1.${id}.notify`, {
      callback: (_, message) => {
        if (message.json<{ reason: string }>().reason === 'verify') heard.push(id);
        if (answers) message.respond();
      },
    });
  for (const id of [...present, 'stuck', 'nat-1', 'nat-2']) listen(id, id !== 'stuck');
  machines.subscribe('reachback.internal.v1.contact.*.*', {
    callback: (_, message) => {
      const [id = '', kind = ''] = message.subject.split('.').slice(4);
      if (kind.endsWith('answered')) toldLane.push({ id, kind, payload: message.string() });
    },
  });
  await machines.flush();
  for (const id of [...present, ...absent]) await system.request(id, 'register', { ips: [direct] });
  for (const id of ['nat-1', 'nat-2']) await system.request(id, 'register', { ips: ['10.0.0.1'] });
});
afterAll(async () => {
  await machines.close();
  await system.stop();
});

const start = async () => (await system.rest.send<Verification>('POST', '/v1/verifications')).body.id;
const untilFinished = (id: string) =>
  until(
    () => system.rest.get<Verification>(`/v1/verifications/${id}`),
    ({ state }) => state === 'finished',
  );
const everybody = { direct: 4, asked: 4, answered: 2, unanswered: 2, skipped: 2 };

test('R19 every direct client is asked, unreachable ones are skipped and counted, and the lane hears of each', async () => {
  const before = new Date().toISOString();
  const { status, headers, body } = await system.rest.send<Verification>('POST', '/v1/verifications');
  expect(status).toBe(202);
  expect(headers.get('location')).toBe(`/v1/verifications/${body.id}`);
  expect(body).toMatchObject({ state: 'running', reason: 'on-demand', requestedBy: 'admin:default', finishedAt: null });
  const second = await system.rest.send<{ code: string; detail: string }>('POST', '/v1/verifications');
  expect(second.status).toBe(409);
  expect(second.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining(body.id) });

  const finished = await untilFinished(body.id);
  expect(finished.progress).toEqual(everybody);
  // Who does not answer is asked once more.
  expect(heard.toSorted()).toEqual([...present, 'stuck', 'stuck'].toSorted());
  expect(toldLane.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual([
    'gone unanswered',
    'here-1 answered',
    'here-2 answered',
    'stuck unanswered',
  ]);
  for (const { kind, payload } of toldLane) {
    if (kind === 'answered') expect(payload).toBe('');
    else expect(unansweredSchema.parse(JSON.parse(payload)).asked > before).toBe(true);
  }
  const { items } = await system.rest.get<{ items: { data: object; meta: object }[] }>(
    '/v1/events?type=verification-finished',
  );
  expect(items.map(({ data }) => data)).toEqual([{ id: body.id, ...everybody }]);
});

test('R19 a verification goes on where it was when the server was killed, and counts nobody twice', async () => {
  heard.length = 0;
  const id = await start();
  await until(() => heard.includes('stuck'));
  await system.server.kill();
  await system.restart();
  const { progress } = await untilFinished(id);
  expect(progress).toEqual(everybody);
});

test('R19 the list is newest first, in pages; what is not there is said', async () => {
  const { items, nextCursor } = await system.rest.get<List>('/v1/verifications?limit=1');
  expect(items).toHaveLength(1);
  const older = await system.rest.get<List>(`/v1/verifications?limit=1&cursor=${nextCursor}`);
  expect(older.nextCursor).toBeNull();
  expect((items[0]?.startedAt ?? '') > (older.items[0]?.startedAt ?? '')).toBe(true);
  const unknown = await system.rest.send<{ code: string }>('GET', `/v1/verifications/${crypto.randomUUID()}`);
  expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
});

test('R19 a schedule starts them, an interval apart; a server that is killed neither skips nor repeats one', async () => {
  const set = (verification: object) => system.rest.send('PATCH', '/v1/settings', { reachback: { verification } });
  expect((await set({ interval: 'PT0.5S' })).status).toBe(422);
  for (const id of absent) await system.nats.request(`reachback.v1.${id}.uninstall`);
  const scheduled = async (count: number) => {
    const look = async () => {
      const { items } = await system.rest.get<List>('/v1/verifications');
      return items.filter(({ reason }) => reason === 'scheduled');
    };
    return until(look, (items) => items.length >= count && items.every(({ state }) => state === 'finished'));
  };
  expect((await set({ interval: 'PT2S' })).status).toBe(200);
  const [first] = await scheduled(2);
  expect(first).toMatchObject({ requestedBy: 'system', progress: { answered: 2, skipped: 2 } });
  await system.server.kill();
  await system.restart();
  const runs = (await scheduled(4)).map(({ startedAt }) => Date.parse(startedAt)).reverse();
  const gaps = runs.slice(1).map((at, i) => at - (runs[i] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
  expect((await set({ enabled: false })).status).toBe(200);
});
