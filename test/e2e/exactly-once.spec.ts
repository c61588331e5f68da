import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deliveringOn, versionsIn } from '../helpers/delivering.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
const { enter, queue, item, publish, requestAs, ackUpdate, ackSettings, facts } = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const only = (client: string) => ({ target: { clients: [client] } });
const deliveriesOf = async (client: string, key: string) =>
  (await facts('work-delivered', client)).filter(({ data }) => data.items?.some((sent) => sent.key === key));

describe('G7: exactly once in effect', () => {
  test.each(['with a message id', 'with its time', 'without either'])(
    'G7: a poll retried %s is one delivery, and gets the same',
    async (how) => {
      const id = `poll-${how.replaceAll(' ', '-')}`;
      await enter(id);
      await publish(id, '1', only(id));
      const send = () =>
        how === 'with a message id'
          ? requestAs('p', id)
          : system.request(id, 'poll', how === 'with its time' ? { time: '2026-01-01T00:00:00Z' } : {});
      for (let i = 0; i < 5; i++) expect(versionsIn(await send())).toEqual([`${id} 1`]);
      expect(await queue(id)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
      expect(await deliveriesOf(id, id)).toHaveLength(1);
    },
  );

  test('G7: another poll is another attempt', async () => {
    await enter('attempts');
    await publish('attempts', '1', only('attempts'));
    await requestAs('p1', 'attempts');
    await requestAs('p2', 'attempts');
    expect(await queue('attempts')).toMatchObject([{ state: 'delivered', attempts: 2 }]);
  });

  test('G7: a poll sent many times at once is one delivery', async () => {
    await enter('at-once');
    await publish('at-once', '1', only('at-once'));
    await Promise.all(Array.from({ length: 10 }, () => requestAs('p', 'at-once')));
    expect(await queue('at-once')).toMatchObject([{ state: 'delivered', attempts: 1 }]);
    expect(await deliveriesOf('at-once', 'at-once')).toHaveLength(1);
  });

  test('G7: an acknowledgement sent ten times shows once', async () => {
    await enter('acks');
    await publish('acks', '1', only('acks'));
    await system.request('acks', 'poll');
    await Promise.all(Array.from({ length: 10 }, () => ackUpdate('acks', 'acks', '1')));
    const settled = await facts('work-settled', 'acks');
    expect(settled.filter(({ data }) => data.items?.some(({ key }) => key === 'acks'))).toHaveLength(1);
    expect((await queue('acks', true)).filter(({ key }) => key === 'acks')).toMatchObject([{ state: 'acknowledged' }]);
  });

  test('G7: a failure acknowledged ten times shows once, and its late copy undoes no success', async () => {
    await enter('failing');
    await publish('failing', '1', only('failing'));
    await system.request('failing', 'poll');
    const failed = { outcome: 'failed', error: 'no room' } as const;
    for (let i = 0; i < 3; i++) await ackUpdate('failing', 'failing', '1', failed);
    expect(await queue('failing')).toMatchObject([{ state: 'failed', error: 'no room' }]);
    await requestAs('again', 'failing');
    expect(await queue('failing')).toMatchObject([{ state: 'delivered', attempts: 2 }]);
    await ackUpdate('failing', 'failing', '1');
    await ackUpdate('failing', 'failing', '1', failed);
    expect(await item('failing', 'failing', '1')).toMatchObject({ state: 'acknowledged', error: null });
  });

  test('G7: what was never sent cannot be acknowledged', async () => {
    await enter('unknown');
    const before = (await facts('work-settled', 'unknown')).length;
    expect(await ackUpdate('unknown', 'nothing', '1')).toEqual({ accepted: 1 });
    expect(await ackSettings('unknown', '999999999')).toEqual({ accepted: 1 });
    expect(await facts('work-settled', 'unknown')).toHaveLength(before);
    expect((await system.client('unknown')).installed).toEqual({});
  });

  test('G7: an acknowledgement that was overtaken undoes nothing', async () => {
    await enter('overtaken');
    await publish('overtaken', '1', only('overtaken'));
    await system.request('overtaken', 'poll');
    await publish('overtaken', '2', only('overtaken'));
    await system.request('overtaken', 'poll');
    await ackUpdate('overtaken', 'overtaken', '2');
    await ackUpdate('overtaken', 'overtaken', '1');
    expect((await system.client('overtaken')).installed).toEqual({ overtaken: '2' });
    expect(await item('overtaken', 'overtaken', '1')).toMatchObject({ state: 'superseded' });
  });

  test('G7: settings acknowledged late, after newer ones, are not confirmed again', async () => {
    await enter('late');
    const revisions: (string | undefined)[] = [];
    for (const a of [1, 2]) {
      await system.rest.send('PATCH', '/v1/clients/late/settings', { a });
      revisions.push((await requestAs(`p${a}`, 'late')).settings?.revision);
    }
    await ackSettings('late', revisions[1]);
    await ackSettings('late', revisions[0]);
    expect((await system.client('late')).settingsRevision).toBe(revisions[1]);
    expect(await item('late', 'settings', revisions[0] ?? '')).toMatchObject({ state: 'superseded' });
  });

  test('G7: an update started by the client and told twice is started once', async () => {
    await enter('started');
    for (let i = 0; i < 3; i++) await requestAs('u', 'started', 'update', { trigger: 'manual' });
    await requestAs('v', 'started', 'update', { trigger: 'manual' });
    expect(await facts('update-started', 'started')).toHaveLength(2);
  });

  test('G7: a registration retried is one, also after its work was confirmed', async () => {
    const register = () => requestAs('r', 'registering', 'register', { ips: ['10.1.2.3'], installed: {} });
    const { settings } = await register();
    expect((await register()).settings).toEqual(settings);
    await ackSettings('registering', settings?.revision);
    expect((await register()).settings).toBeNull();
    expect(await facts('client-registered', 'registering')).toHaveLength(1);
    expect(await facts('client-reinstalled', 'registering')).toEqual([]);
  });
});
