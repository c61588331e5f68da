import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../helpers/conditions.js';
import { deliveringOn, versionsIn } from '../helpers/delivering.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
const { enter, queue, item, publish, change, release, clients, ackUpdate, facts } = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const only = (...ids: readonly string[]) => ({ target: { clients: ids } });
const poll = async (id: string) => versionsIn(await system.request(id, 'poll', { time: new Date().toISOString() }));
/** Why each client lacks a release. */
const whys = async (id: string) =>
  Object.fromEntries((await clients(id)).items.map(({ client, why }) => [client, why]));

describe('pause and resume', () => {
  test('a paused release waits, and supersedes all the same; resumed it is delivered', async () => {
    await enter('p1');
    await publish('pause', '1', only('p1'));
    const id = await publish('pause', '2', only('p1'));
    for (let i = 0; i < 2; i++) {
      const { status, body } = await change(id, 'pause');
      expect({ status, pausedAt: body.pausedAt }).toEqual({ status: 200, pausedAt: expect.any(String) });
    }
    expect(await poll('p1')).toEqual([]);
    expect(await queue('p1')).toMatchObject([{ revision: '2', state: 'pending', attempts: 0 }]);
    expect((await clients(id)).items).toMatchObject([
      { client: 'p1', state: 'pending', why: 'paused', expectedAt: null },
    ]);
    expect(await release(id)).toMatchObject({ eta: null, progress: { targeted: 1, pending: 1 } });
    for (let i = 0; i < 2; i++) expect((await change(id, 'resume')).body.pausedAt).toBeNull();
    expect(await poll('p1')).toEqual(['pause 2']);
    const about = async (type: string) =>
      (await facts(type)).filter(({ data }) => 'id' in data && data.id === id).length;
    expect([await about('release-paused'), await about('release-resumed')]).toEqual([1, 1]);
  });

  test('one that is not there cannot be changed', async () => {
    const { status, body } = await change('7d0f0c54-3a8b-4c55-9a3e-0d2b8b3f5a11', 'pause');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'not_found' });
  });
});

describe('withdraw', () => {
  test('G4: it is never delivered again, and the newest that is left is wanted', async () => {
    await enter('w1');
    const first = await publish('withdraw', '1', only('w1'));
    const second = await publish('withdraw', '2', only('w1'));
    expect(await poll('w1')).toEqual(['withdraw 2']);
    for (let i = 0; i < 2; i++) expect((await change(second, 'withdraw')).status).toBe(200);
    expect((await facts('release-withdrawn')).length).toBe(1);
    expect(await queue('w1')).toMatchObject([{ revision: '1', state: 'pending', release: first }]);
    expect(await item('w1', 'withdraw', '2')).toMatchObject({ state: 'withdrawn', attempts: 1 });
    expect(await release(second)).toMatchObject({ progress: { targeted: 1, withdrawn: 1, delivered: 0 }, eta: null });
    expect((await clients(second)).items).toMatchObject([{ state: 'withdrawn', why: null }]);
    expect(await poll('w1')).toEqual(['withdraw 1']);
    for (const what of ['pause', 'resume'] as const) expect((await change(second, what)).status).toBe(409);
  });

  test('what is superseded by a third stays so', async () => {
    await enter('w2');
    await publish('three', '1', only('w2'));
    const second = await publish('three', '2', only('w2'));
    await publish('three', '3', only('w2'));
    await change(second, 'withdraw');
    expect(await poll('w2')).toEqual(['three 3']);
    expect(await item('w2', 'three', '1')).toMatchObject({ state: 'superseded' });
    expect(await item('w2', 'three', '2')).toMatchObject({ state: 'withdrawn' });
  });

  test('who has the withdrawn version keeps it, also when it is confirmed only afterwards', async () => {
    await enter('w3');
    await enter('w4');
    await publish('kept', '1', only('w3', 'w4'));
    const second = await publish('kept', '2', only('w3', 'w4'));
    await poll('w3');
    await ackUpdate('w3', 'kept', '2');
    await poll('w4');
    await change(second, 'withdraw');
    await ackUpdate('w4', 'kept', '2');
    for (const id of ['w3', 'w4']) {
      expect(await poll(id)).toEqual([]);
      expect(await queue(id)).toEqual([]);
      expect(await item(id, 'kept', '1')).toMatchObject({ state: 'superseded' });
      expect(await item(id, 'kept', '2')).toMatchObject({ state: 'acknowledged' });
    }
    expect(await release(second)).toMatchObject({ progress: { targeted: 2, acknowledged: 2, withdrawn: 0 } });
    await publish('kept', '3', only('w3'));
    expect(await poll('w3')).toEqual(['kept 3']);
  });
});

describe('G10: no long tail', () => {
  test('G10: a release says who lacks it, why, and until when', async () => {
    const all = ['asleep', 'failing', 'installing', 'waiting', 'done'];
    for (const id of all) await enter(id, { group: 'madrid', name: `PC ${id}` });
    await system.rest.send('PATCH', '/v1/groups/madrid/settings', { reachback: { poll: { interval: 'PT40M' } } });
    await system.rest.send('PATCH', '/v1/clients/waiting/settings', { reachback: { poll: { interval: 'PT50M' } } });
    const id = await publish('tail', '1', { target: { groups: ['madrid'] } });
    for (const client of ['failing', 'installing', 'done']) expect(await poll(client)).toEqual(['tail 1']);
    await ackUpdate('failing', 'tail', '1', { outcome: 'failed', error: 'no room' });
    await ackUpdate('done', 'tail', '1');
    await system.nats.request('reachback.v1.asleep.stop');
    await system.untilStatus('asleep', 'Unreachable/Offline');

    expect(await whys(id)).toEqual({
      asleep: 'asleep',
      done: null,
      failing: 'failing',
      installing: 'installing',
      waiting: 'waiting',
    });
    const items = new Map((await clients(id)).items.map((one) => [one.client, one]));
    expect(items.get('failing')).toEqual({
      client: 'failing',
      name: 'PC failing',
      status: 'Unreachable/Online',
      state: 'failed',
      why: 'failing',
      attempts: 1,
      deliveredAt: expect.any(String),
      error: 'no room',
      admittedAt: null,
      expectedAt: expect.any(String),
    });
    const minutesUntil = (time: string | null | undefined) => (Date.parse(time ?? '') - Date.now()) / 60_000;
    expect(minutesUntil(items.get('installing')?.expectedAt)).toBeCloseTo(40, 0);
    expect(minutesUntil(items.get('waiting')?.expectedAt)).toBeCloseTo(50, 0);
    expect(items.get('asleep')?.expectedAt).toBeNull();
    expect(items.get('done')?.expectedAt).toBeNull();
    const progress = { targeted: 5, pending: 2, delivered: 1, acknowledged: 1, failed: 1, expired: 0, superseded: 0 };
    expect(await release(id)).toMatchObject({ progress, eta: null });

    // Without the one that sleeps it is known when all will have spoken.
    await system.rest.send('DELETE', '/v1/clients/asleep');
    const { progress: left, eta } = await release(id);
    expect(left).toEqual({ ...progress, targeted: 4, pending: 1 });
    expect(minutesUntil(eta)).toBeCloseTo(50, 0);
  });

  test('G10: the list is paged, and filtered by any state', async () => {
    const ids = Array.from({ length: 7 }, (_, i) => `page-${i}`);
    for (const id of ids) await enter(id);
    const id = await publish('paged', '1', only(...ids));
    await ackUpdate('page-3', 'paged', '1');
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await clients(id, `?state=pending&limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      pages.push(page.items.map(({ client }) => client));
      cursor = page.nextCursor;
    }
    expect(pages).toEqual([
      ['page-0', 'page-1', 'page-2'],
      ['page-4', 'page-5', 'page-6'],
    ]);
    expect((await clients(id, '?state=acknowledged')).items).toMatchObject([{ client: 'page-3', why: null }]);
    const unknown = await system.rest.send('GET', `/v1/releases/${id}/clients?state=lost`);
    expect(unknown.status).toBe(400);
  });

  test('G10: what fails again and again holds up nothing else', async () => {
    await enter('stuck');
    for (let i = 0; i < 105; i++) await publish(`stuck-${i}`, '1', only('stuck'));
    const seen = new Set<string>();
    for (let i = 0; i < 2; i++) {
      for (const version of await poll('stuck')) {
        seen.add(version);
        await ackUpdate('stuck', version.split(' ')[0] ?? '', '1', { outcome: 'failed', error: 'always' });
      }
    }
    expect(seen.size).toBe(105);
  });
});

describe('rollout', () => {
  test('clients are admitted one after another, spread evenly over the time, and told when', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => `roll-${i}`);
    await Promise.all(ids.map((id) => enter(id)));
    const id = await publish('roll', '1', { ...only(...ids), rollout: { over: 'PT240M' } });
    const { publishedAt, rollout, eta } = await release(id);
    expect(rollout).toEqual({ over: 'PT4H' });
    const { items } = await clients(id);
    const shares = items
      .map(({ admittedAt }) => (Date.parse(admittedAt ?? '') - Date.parse(publishedAt)) / (4 * 3_600_000))
      .sort((a, b) => a - b);
    expect(shares.length).toBe(60);
    shares.forEach((share, i) => expect(Math.abs(share - i / 60)).toBeLessThan(0.2));
    const waiting = items.find(({ why }) => why === 'not-yet-admitted');
    expect(Date.parse(waiting?.expectedAt ?? '') - Date.parse(waiting?.admittedAt ?? '')).toBe(300_000);
    expect(Date.parse(eta ?? '')).toBe(Math.max(...items.map(({ expectedAt }) => Date.parse(expectedAt ?? ''))));
    const last = items.reduce((a, b) => ((a.admittedAt ?? '') > (b.admittedAt ?? '') ? a : b));
    expect(await poll(last.client)).toEqual([]);
    expect(await queue(last.client)).toMatchObject([{ key: 'roll', state: 'pending', attempts: 0 }]);
    // Its place is the same in every rollout.
    const other = await publish('roll-2', '1', { ...only(...ids), rollout: { over: 'PT4H' } });
    const again = await clients(other);
    expect(again.items.reduce((a, b) => ((a.admittedAt ?? '') > (b.admittedAt ?? '') ? a : b)).client).toBe(
      last.client,
    );
  });

  test('whoever is admitted gets it, and in the end all are', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `soon-${i}`);
    await Promise.all(ids.map((id) => enter(id)));
    const id = await publish('soon', '1', { ...only(...ids), rollout: { over: 'PT3S' } });
    const deliveredAt = new Map<string, number>();
    await until(async () => {
      for (const client of ids.filter((one) => !deliveredAt.has(one))) {
        if ((await poll(client)).length > 0) deliveredAt.set(client, Date.now());
      }
      return deliveredAt.size === ids.length;
    });
    for (const { client, admittedAt } of (await clients(id)).items) {
      expect(deliveredAt.get(client)).toBeGreaterThanOrEqual(Date.parse(admittedAt ?? ''));
    }
  });

  test('the time it is paused does not count', async () => {
    await enter('paused');
    const id = await publish('paused-roll', '1', { ...only('paused'), rollout: { over: 'PT2H' } });
    const turn = async () => Date.parse((await clients(id)).items[0]?.admittedAt ?? '');
    const before = await turn();
    const pausedAt = Date.parse((await change(id, 'pause')).body.pausedAt ?? '');
    expect(await whys(id)).toEqual({ paused: 'paused' });
    await until(() => Date.now() > pausedAt + 200);
    await change(id, 'resume');
    expect((await turn()) - before).toBeGreaterThanOrEqual(200);
    expect((await turn()) - before).toBeLessThanOrEqual(Date.now() - pausedAt);
    expect(await whys(id)).toEqual({ paused: 'not-yet-admitted' });
  });

  test.each(['soon', 'P1Y', 'PT0S', 'P200D'])('a rollout over %s is refused, naming the field', async (over) => {
    const body = { version: '1', url: 'https://x.example/', sha256: 'a'.repeat(64), size: 1, target: { all: true } };
    const { status, body: problem } = await system.rest.send<{ field: string }>(
      'POST',
      '/v1/components/refused/releases',
      { ...body, rollout: { over } },
    );
    expect({ status, field: problem.field }).toEqual({ status: 400, field: 'rollout.over' });
  });
});
