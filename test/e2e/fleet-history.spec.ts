import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { type Status, statuses } from '#contracts';
import { until } from '../helpers/conditions.js';
import { openLog, type Transition } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

type StatusAt = { readonly status: string; readonly cause: string; readonly since: string; readonly asOf: string };
type Count = { readonly at: string; readonly total: number; readonly byStatus: Readonly<Record<Status, number>> };
type Fleet = Omit<Count, 'at'> & { readonly asOf: string };
type History = { readonly items: readonly Count[]; readonly nextCursor: string | null };
type Problem = { readonly code: string; readonly detail: string; readonly field?: string };
type Projections = {
  readonly items: readonly { readonly name: string; readonly version: number; readonly state: string }[];
};

let system: System;

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT2S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
});
afterAll(() => system.stop());

const register = (id: string, ips = ['10.1.2.3']) => system.request(id, 'register', { ips });
const asOf = (path: string, at: string | number) =>
  `${path}?asOf=${encodeURIComponent(typeof at === 'number' ? new Date(at).toISOString() : at)}`;
const statusOf = (id: string, at: string | number) => system.rest.get<StatusAt>(asOf(`/v1/clients/${id}`, at));
const fleetAt = (at: string | number) => system.rest.get<Fleet>(asOf('/v1/fleet', at));
const fleetHistory = (query: string) => system.rest.send<History & Problem>('GET', `/v1/fleet/history${query}`);
/** Oldest first. */
const transitionsOf = async (id: string): Promise<readonly Transition[]> =>
  (await system.rest.get<{ items: Transition[] }>(`/v1/clients/${id}/history`)).items.toReversed();
const untilCause = (id: string, cause: string) =>
  until(
    () => transitionsOf(id),
    (all) => all.some((transition) => transition.cause === cause),
  );
const allTransitions = async () => {
  const log = openLog(system.databaseUrl);
  try {
    return await log.transitions();
  } finally {
    await log.end();
  }
};
/** What the log says of the fleet at a time. */
const countByHand = (all: ReadonlyMap<string, readonly Transition[]>, at: number) => {
  const byStatus: Record<string, number> = Object.fromEntries(statuses.map((status) => [status, 0]));
  let total = 0;
  for (const transitions of all.values()) {
    const last = transitions.findLast((transition) => Date.parse(transition.at) <= at);
    if (!last || last.cause === 'uninstalled') continue;
    byStatus[last.status] = (byStatus[last.status] ?? 0) + 1;
    total++;
  }
  return { total, byStatus };
};

describe('one client', () => {
  test('G2 before it was registered there is a problem that says since when it is known', async () => {
    await register('h-1');
    const [first] = await transitionsOf('h-1');
    const at = Date.parse(first?.at ?? '');
    const before = await system.rest.send<Problem>('GET', asOf('/v1/clients/h-1', at - 1));
    expect(before).toMatchObject({ status: 404, body: { code: 'not_registered' } });
    expect(before.body.detail).toContain(first?.at);
    const nobody = await system.rest.send<Problem>('GET', asOf('/v1/clients/nobody', at));
    expect(nobody).toMatchObject({ status: 404, body: { code: 'not_registered' } });
    expect(await statusOf('h-1', at)).toEqual({
      id: 'h-1',
      status: 'Unreachable/Online',
      cause: 'registered',
      since: first?.at,
      asOf: first?.at,
    });
  });

  test('G2 R7 silent, back, uninstalled, installed again: right at each transition and a millisecond before', async () => {
    await untilCause('h-1', 'silence');
    system.publish('h-1', 'heartbeat');
    await untilCause('h-1', 'heartbeat');
    await system.nats.request('reachback.v1.h-1.uninstall');
    await untilCause('h-1', 'uninstalled');
    const gone = Date.now();
    expect(await statusOf('h-1', gone)).toMatchObject({ status: 'Unreachable/Offline', cause: 'uninstalled' });
    await register('h-1');
    const all = await transitionsOf('h-1');
    expect([...new Set(all.map(({ cause }) => cause))]).toEqual(['registered', 'silence', 'heartbeat', 'uninstalled']);
    expect(all.filter(({ cause }) => cause === 'registered')).toHaveLength(2);
    for (const [i, { at, status, cause }] of all.entries()) {
      expect(await statusOf('h-1', at)).toMatchObject({ status, cause, since: at });
      const before = all[i - 1];
      if (before) expect(await statusOf('h-1', Date.parse(at) - 1)).toMatchObject({ cause: before.cause });
    }
  });

  test('G2 what has just happened shows at once', async () => {
    for (let i = 0; i < 5; i++) {
      await register(`now-${i}`);
      const { since, status } = await system.client(`now-${i}`);
      expect(await statusOf(`now-${i}`, Date.now())).toMatchObject({ since, status });
      await system.rest.send('DELETE', `/v1/clients/now-${i}`);
      await untilCause(`now-${i}`, 'uninstalled');
      expect(await statusOf(`now-${i}`, Date.now())).toMatchObject({ cause: 'uninstalled' });
    }
  });
});

describe('the fleet', () => {
  test('G2 at every transition, and a millisecond before, is what the log says; removed clients leave it', async () => {
    for (let i = 0; i < 4; i++) await register(`f-${i}`, i % 2 === 0 ? ['10.9.9.9'] : ['192.0.2.1']);
    await untilCause('f-0', 'silence');
    await system.rest.send('DELETE', '/v1/clients/f-1');
    await untilCause('f-1', 'uninstalled');
    const all = await allTransitions();
    const times = [...all.values()].flat().flatMap(({ at }) => [Date.parse(at) - 1, Date.parse(at)]);
    for (const time of times) expect(await fleetAt(time)).toMatchObject(countByHand(all, time));
    expect((await fleetAt(Math.min(...times) - 1)).total).toBe(0);
  });

  test('G2 now is what it is without a time; what is not yet is answered as of now', async () => {
    const answers = await until(
      async () => [await system.rest.get<Fleet>('/v1/fleet'), await fleetAt(Date.now())] as const,
      ([live]) => live.byStatus['Unreachable/Online'] === 0,
    );
    expect(answers[1].byStatus).toEqual(answers[0].byStatus);
    const future = await fleetAt(Date.now() + 3_600_000);
    expect(Date.parse(future.asOf)).toBeLessThanOrEqual(Date.now());
  });

  test('G2 over time: exact at each point, from a time of any zone, in UTC', async () => {
    const all = await allTransitions();
    const first = Math.min(...[...all.values()].flat().map(({ at }) => Date.parse(at)));
    const inParis = new Date(first - 1_000 + 3_600_000).toISOString().replace('Z', '+01:00');
    const { status, body } = await fleetHistory(`?from=${inParis}&step=PT1S`);
    expect(status).toBe(200);
    expect(body.items[0]?.at).toBe(new Date(first - 1_000).toISOString());
    expect(body.items.length).toBeGreaterThan(3);
    for (const item of body.items) expect(item).toMatchObject(countByHand(all, Date.parse(item.at)));
    expect(body.nextCursor).toBeNull();
  });

  test('G2 over time: the last day by quarters of an hour unless asked otherwise', async () => {
    const { body } = await fleetHistory('');
    expect(body.items).toHaveLength(97);
    const [start, next] = body.items.map(({ at }) => Date.parse(at));
    expect((next ?? 0) - (start ?? 0)).toBe(900_000);
    expect(body.items[0]?.total).toBe(0);
    expect(body.items.at(-1)?.total).toBeGreaterThan(0);
    expect((await fleetHistory('?from=2020-01-01T00:00:00Z&to=2020-12-31T00:00:00Z')).body.items.length).toBeLessThan(
      101,
    );
  });

  test.each([
    ['?step=15m', 'step', 'PT15M'],
    ['?step=PT0S', 'step', 'PT1S'],
    ['?step=P1M', 'step', 'ISO 8601'],
    ['?step=PT1S', 'step', '86401 points, and 1000 at most are answered; take PT1M27S or more'],
    ['?from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z', 'from', 'after'],
    ['?from=yesterday', 'from', 'ISO'],
  ])('G2 over time: %s is refused with the field and what to do', async (query, field, text) => {
    const { status, body } = await fleetHistory(query);
    expect({ status, ...body }).toMatchObject({ status: 400, code: 'bad_request', field });
    expect(body.detail).toContain(text);
  });
});

describe('restarts and rebuilds', () => {
  const answers = async (times: readonly number[]) =>
    Promise.all(times.map(async (time) => (await fleetAt(time)).byStatus));
  const untilRunning = () =>
    until(
      () => system.rest.get<Projections>('/v1/projections'),
      ({ items }) => items.length > 0 && items.every(({ state }) => state === 'running'),
    );

  test('G2 the past stays what it was through a kill, a rebuild, and a kill in the middle of one', async () => {
    const all = await allTransitions();
    const times = [...all.values()].flat().map(({ at }) => Date.parse(at));
    const before = await answers(times);
    await system.server.kill();
    await system.restart();
    expect(await answers(times)).toEqual(before);

    const started = await system.rest.send('POST', '/v1/projections/history/rebuild');
    expect(started).toMatchObject({ status: 202, body: { name: 'history', state: 'rebuilding' } });
    expect(await answers(times)).toEqual(before);
    await untilRunning();
    expect(await answers(times)).toEqual(before);

    await system.rest.send('POST', '/v1/projections/history/rebuild');
    await system.server.kill();
    await system.restart();
    await untilRunning();
    expect(await answers(times)).toEqual(before);
    expect((await untilRunning()).items).toContainEqual(expect.objectContaining({ name: 'history', version: 2 }));
  });

  test('a rebuild shows how far it is, and there is one at a time', async () => {
    const db = postgres(system.databaseUrl, { max: 1 });
    const rebuild = () => system.rest.send<Problem>('POST', '/v1/projections/history/rebuild');
    // Whoever holds the checkpoint holds up the swap.
    await db.begin(async (tx) => {
      await tx`SELECT FROM projection_checkpoint FOR UPDATE`;
      expect((await rebuild()).status).toBe(202);
      const { items } = await system.rest.get<Projections>('/v1/projections');
      const state = items.find(({ name }) => name === 'history');
      expect(state).toMatchObject({
        state: 'rebuilding',
        rebuild: { error: null, head: expect.stringMatching(/^\d+$/) },
      });
      const second = await rebuild();
      expect(second).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect(second.body.detail).toContain('/v1/projections');
    });
    await db.end();
    await untilRunning();
  });

  test('what is no projection is not rebuilt', async () => {
    const { status, body } = await system.rest.send<Problem>('POST', '/v1/projections/nothing/rebuild');
    expect({ status, ...body }).toMatchObject({ status: 404, code: 'not_found' });
    expect(body.detail).toContain('history');
  });
});
