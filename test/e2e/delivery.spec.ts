import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../helpers/conditions.js';
import { deliveringOn, versionsIn } from '../helpers/delivering.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
const { enter, queue, item, publish, change, requestAs, ackUpdate, ackSettings, facts } = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const only = (...clients: readonly string[]) => ({ target: { clients } });

describe('what carries work', () => {
  test('R13: a beat with a receipt carries nothing and changes nothing in the queue', async () => {
    await enter('r13');
    await publish('c13', '1', only('r13'));
    const receipt = await system.nats.request('reachback.v1.r13.heartbeat', '{}', { timeout: 10_000 });
    expect(Object.keys(receipt.json<object>()).sort()).toEqual(['seq', 'stream']);
    expect(await queue('r13')).toMatchObject([{ key: 'c13', state: 'pending', attempts: 0 }]);
  });

  test('R14: hundreds of updates come over several polls, each reply bounded', async () => {
    await enter('r14');
    for (let i = 0; i < 230; i++) await publish(`many-${i}`, '1', only('r14'));
    const received = new Set<string>();
    let more = true;
    let polls = 0;
    while (more) {
      const reply = await system.request('r14', 'poll', { time: new Date().toISOString() });
      expect(reply.updates.length).toBeLessThanOrEqual(100);
      for (const version of versionsIn(reply)) received.add(version);
      more = reply.more;
      polls++;
    }
    // Nothing was acknowledged in between, and yet nothing blocks the line.
    expect(received.size).toBe(230);
    expect(polls).toBe(3);
  });

  test.each(['start', 'reload', 'register', 'poll'])('R15: %s carries what is undelivered', async (kind) => {
    const id = `r15-${kind}`;
    await enter(id);
    await publish(`c15-${kind}`, '1', only(id));
    expect(versionsIn(await system.request(id, kind))).toEqual([`c15-${kind} 1`]);
  });

  test.each(['manual', 'scheduled'])('R15 R4: a %s update carries work and changes no status', async (trigger) => {
    const id = `r15-${trigger}`;
    await enter(id);
    await system.nats.request(`reachback.v1.${id}.stop`);
    await system.untilStatus(id, 'Unreachable/Offline');
    await publish(`c15-${trigger}`, '1', only(id));
    expect(versionsIn(await system.request(id, 'update', { trigger }))).toEqual([`c15-${trigger} 1`]);
    expect(await queue(id)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
    expect(await system.client(id)).toMatchObject({ status: 'Unreachable/Offline', cause: 'stopped' });
  });

  test('R20: settings of the client go before those of its group, and those before the fleet', async () => {
    await enter('r20', { group: 'rome/desktops' });
    await system.rest.send('PATCH', '/v1/groups/rome/settings', { scan: { schedule: 'weekly', depth: 1 } });
    await system.rest.send('PATCH', '/v1/groups/rome%2Fdesktops/settings', { scan: { depth: 2 } });
    await system.rest.send('PATCH', '/v1/clients/r20/settings', { scan: { schedule: 'daily' } });
    const { settings } = await system.request('r20', 'poll');
    expect(settings?.values['scan']).toEqual({ schedule: 'daily', depth: 2 });
  });
});

describe('G4: what is delivered is composed at the poll', () => {
  test('G4: a superseded update is never delivered, not even to a retry, and leaves a trace', async () => {
    await enter('g4');
    const first = await publish('c4', '1', only('g4'));
    expect(versionsIn(await requestAs('poll-1', 'g4'))).toEqual(['c4 1']);
    const second = await publish('c4', '2', only('g4'));
    expect(versionsIn(await requestAs('poll-1', 'g4'))).toEqual(['c4 2']);
    expect(await queue('g4')).toMatchObject([{ revision: '2', state: 'delivered' }]);
    expect(await item('g4', 'c4', '1')).toMatchObject({ state: 'superseded', release: first, attempts: 1 });
    expect(await system.rest.get(`/v1/releases/${first}`)).toMatchObject({ progress: { targeted: 1, superseded: 1 } });
    expect(await system.rest.get(`/v1/releases/${second}`)).toMatchObject({ progress: { targeted: 1, delivered: 1 } });
  });

  test('G4: one that was overtaken before any poll is superseded too', async () => {
    await enter('g4b');
    await publish('c4b', '1', only('g4b'));
    const newer = await publish('c4b', '2');
    expect(versionsIn(await system.request('g4b', 'poll'))).toEqual(['c4b 2']);
    expect(await item('g4b', 'c4b', '1')).toMatchObject({ state: 'superseded', attempts: 0, deliveredAt: null });
    await change(newer, 'withdraw');
  });

  test('G4: it is still allowed: a client that left the group does not get what was for it', async () => {
    await enter('g4c', { group: 'oslo' });
    await publish('c4c', '1', { target: { groups: ['oslo'] } });
    await system.rest.send('PATCH', '/v1/clients/g4c', { group: 'rome' });
    expect(versionsIn(await system.request('g4c', 'poll'))).not.toContain('c4c 1');
  });
});

describe('G5: deadlines', () => {
  test('G5: after deliverBy it is never delivered, and is expired', async () => {
    await enter('g5');
    const id = await publish('c5', '1', { ...only('g5'), deliverBy: new Date(Date.now() + 300).toISOString() });
    await until(async () => (await item('g5', 'c5', '1'))?.state === 'expired');
    expect(await queue('g5')).toEqual([]);
    expect(versionsIn(await system.request('g5', 'poll'))).toEqual([]);
    expect(await system.rest.get(`/v1/releases/${id}`)).toMatchObject({ progress: { expired: 1 }, eta: null });
    expect(await system.rest.get(`/v1/releases/${id}/clients?state=expired`)).toMatchObject({
      items: [{ client: 'g5', why: 'expired', expectedAt: null }],
    });
  });

  test('G5: one that was delivered in time may be confirmed later, but is not sent again', async () => {
    await enter('g5b');
    const deliverBy = new Date(Date.now() + 1_500).toISOString();
    await publish('c5b', '1', { ...only('g5b'), deliverBy });
    expect((await system.request('g5b', 'poll')).updates).toMatchObject([{ component: 'c5b', deliverBy }]);
    await until(async () => versionsIn(await system.request('g5b', 'poll')).length === 0);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(deliverBy));
    expect(await item('g5b', 'c5b', '1')).toMatchObject({ state: 'delivered' });
    await ackUpdate('g5b', 'c5b', '1');
    expect(await item('g5b', 'c5b', '1')).toMatchObject({ state: 'acknowledged', deliverBy });
  });
});

describe('G6: lost acknowledgements heal', () => {
  test('G6: what a client reports settles its queue', async () => {
    await enter('g6');
    await publish('c6', '1', only('g6'));
    await system.rest.send('PATCH', '/v1/clients/g6/settings', { a: 1 });
    const { settings } = await system.request('g6', 'poll');
    const reply = await system.request('g6', 'poll', { installed: { c6: '1' }, settingsRevision: settings?.revision });
    expect(reply).toMatchObject({ settings: null, updates: [] });
    expect(await queue('g6')).toEqual([]);
    expect(await item('g6', 'c6', '1')).toMatchObject({ state: 'acknowledged' });
  });

  test('G6: one that reports the old version after acknowledging the new is failed, and gets it again', async () => {
    await enter('g6b', { installed: { c6b: '1' } });
    const release = await publish('c6b', '2', only('g6b'));
    await system.request('g6b', 'poll', { installed: { c6b: '1' }, time: '2026-01-01T00:00:00Z' });
    await ackUpdate('g6b', 'c6b', '2');
    expect(await queue('g6b')).toEqual([]);
    await system.request('g6b', 'poll', { installed: { c6b: '1' }, time: '2026-01-01T00:01:00Z' });
    expect(await queue('g6b')).toMatchObject([
      { state: 'failed', error: 'It acknowledged c6b 2, and reports 1 since.', attempts: 1 },
    ]);
    expect(await system.rest.get(`/v1/releases/${release}`)).toMatchObject({
      progress: { failed: 1, acknowledged: 0 },
    });
    expect(await system.client('g6b')).toMatchObject({ installed: { c6b: '1' }, undelivered: 1 });
    const again = await system.request('g6b', 'poll', { installed: { c6b: '1' }, time: '2026-01-01T00:02:00Z' });
    expect(versionsIn(again)).toEqual(['c6b 2']);
    expect(await queue('g6b')).toMatchObject([{ state: 'delivered', attempts: 2 }]);
  });

  test('G6: likewise with settings', async () => {
    await enter('g6c');
    await system.rest.send('PATCH', '/v1/clients/g6c/settings', { a: 1 });
    const { settings } = await system.request('g6c', 'poll');
    await ackSettings('g6c', settings?.revision);
    expect(await system.request('g6c', 'poll', { settingsRevision: '0' })).toMatchObject({ settings: null });
    expect(await queue('g6c')).toMatchObject([
      { kind: 'settings', revision: settings?.revision, state: 'failed', error: expect.stringContaining('reports 0') },
    ]);
    expect((await system.request('g6c', 'poll', { settingsRevision: '0' })).settings).toEqual(settings);
  });

  test('G6 G7: a retry of the poll that brought it says what was so before, and contradicts nothing', async () => {
    await enter('g6d');
    await publish('c6d', '2', only('g6d'));
    const report = { installed: { c6d: '1' } };
    await requestAs('poll-1', 'g6d', 'poll', report);
    await ackUpdate('g6d', 'c6d', '2');
    await requestAs('poll-1', 'g6d', 'poll', report);
    expect(await item('g6d', 'c6d', '2')).toMatchObject({ state: 'acknowledged' });
  });

  test('G6: a client that registers again has what it reports, and keeps its name, group and labels', async () => {
    await enter('g6e', { name: 'old', group: 'oslo', agentVersion: '1' });
    await system.rest.send('PATCH', '/v1/clients/g6e', { name: 'PC', group: 'rome', labels: { os: 'linux' } });
    await publish('c6e', '1', only('g6e'));
    await publish('d6e', '1', only('g6e'));
    const first = await system.request('g6e', 'poll');
    await ackSettings('g6e', first.settings?.revision);
    await ackUpdate('g6e', 'c6e', '1');
    await ackUpdate('g6e', 'd6e', '1');
    expect(await queue('g6e')).toEqual([]);
    const again = await system.request('g6e', 'register', {
      ips: ['10.1.2.3'],
      name: 'x',
      group: 'oslo',
      agentVersion: '2',
      installed: { d6e: '1' },
    });
    expect(again.settings).toEqual(first.settings);
    expect(versionsIn(again)).toEqual(['c6e 1']);
    expect(await system.client('g6e')).toMatchObject({
      name: 'PC',
      group: 'rome',
      labels: { os: 'linux' },
      agentVersion: '2',
      installed: { d6e: '1' },
      settingsRevision: '0',
    });
    expect(await facts('client-reinstalled', 'g6e')).toHaveLength(1);
  });

  test('G6: what it reports on registering again it keeps', async () => {
    await enter('g6f');
    await publish('c6f', '1', only('g6f'));
    await system.rest.send('PATCH', '/v1/clients/g6f/settings', { a: 1 });
    const { settings } = await system.request('g6f', 'poll');
    await ackSettings('g6f', settings?.revision);
    await ackUpdate('g6f', 'c6f', '1');
    const { settingsRevision } = await system.client('g6f');
    const all = { ips: ['10.1.2.3'], settingsRevision, installed: { c6f: '1' } };
    expect(await system.request('g6f', 'register', all)).toMatchObject({ settings: null, updates: [] });
    expect(await facts('client-reinstalled', 'g6f')).toEqual([]);
    const some = await system.request('g6f', 'register', { ...all, installed: {} });
    expect(some.settings).toBeNull();
    expect(versionsIn(some)).toEqual(['c6f 1']);
    // And when it has lost that too, it is not forgotten that it had it.
    await system.request('g6f', 'poll', { settingsRevision: '0' });
    expect((await system.request('g6f', 'poll', { settingsRevision: '0' })).settings).not.toBeNull();
  });
});
