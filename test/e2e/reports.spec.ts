import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../helpers/conditions.js';
import { deliveringOn } from '../helpers/delivering.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
const { queue, item, ackSettings, facts } = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

/** Registers an unreachable client and sets something for it; the revision that its poll brings. */
const enter = async (id: string, settings: object = { a: 1 }): Promise<string> => {
  await system.request(id, 'register', { ips: ['10.1.2.3'] });
  await system.rest.send('PATCH', `/v1/clients/${id}/settings`, settings);
  const { settings: brought } = await system.request(id, 'poll');
  return brought?.revision ?? '';
};

/** Beats, and waits until what the beat led to is committed: what is sent after it is, too. */
const beat = async (id: string, settingsRevision: string): Promise<void> => {
  const receipt = await system.nats.request(`reachback.v1.${id}.heartbeat`, JSON.stringify({ settingsRevision }));
  expect(Object.keys(receipt.json<object>()).sort()).toEqual(['seq', 'stream']);
  const logs = await facts('logs-received', id);
  await system.nats.request(`reachback.v1.${id}.logs`);
  await until(async () => (await facts('logs-received', id)).length > logs.length);
};

const limitOf = async (id: string): Promise<number> => {
  const { offlineAt, lastHeartbeatAt } = await system.client(id);
  return (Date.parse(String(offlineAt)) - Date.parse(String(lastHeartbeatAt))) / 1_000;
};

describe('G6: what a beat reports', () => {
  test('G6 G3: settles settings whose acknowledgement was lost; their tighter limit holds at once', async () => {
    const revision = await enter('lost', { reachback: { offlineAfter: 'PT2M' } });
    await beat('lost', '0');
    expect(await queue('lost')).toMatchObject([{ kind: 'settings', revision, state: 'delivered' }]);
    expect(await limitOf('lost')).toBe(180);
    await beat('lost', revision);
    expect(await queue('lost')).toEqual([]);
    expect(await item('lost', 'settings', revision)).toMatchObject({ state: 'acknowledged', attempts: 1 });
    expect(await limitOf('lost')).toBe(120);
    expect(await system.client('lost')).toMatchObject({ settingsRevision: revision, status: 'Unreachable/Online' });
    expect((await system.request('lost', 'poll')).settings).toBeNull();
  });

  test('G6: shows a client that fell back as failed, and its next poll brings the settings again', async () => {
    const revision = await enter('fallen');
    await ackSettings('fallen', revision);
    await beat('fallen', '0');
    // A moment after the acknowledgement this beat could be an older one that took its time.
    expect(await queue('fallen')).toEqual([]);
    await until(
      async () => {
        await beat('fallen', '0');
        return queue('fallen');
      },
      (items) => items.length > 0,
      { pause: 500 },
    );
    const error = `It acknowledged settings revision ${revision}, and reports 0 since.`;
    expect(await queue('fallen')).toMatchObject([{ kind: 'settings', revision, state: 'failed', error, attempts: 1 }]);
    expect(await system.client('fallen')).toMatchObject({ status: 'Unreachable/Online', undelivered: 1 });
    expect((await system.request('fallen', 'poll')).settings).toMatchObject({ revision });
    expect(await queue('fallen')).toMatchObject([{ state: 'delivered', attempts: 2 }]);
    await beat('fallen', revision);
    expect(await queue('fallen')).toEqual([]);
  });

  test('G6 G7: leaves no trace when it is no news, nor after a restart', async () => {
    const revision = await enter('same');
    await ackSettings('same', revision);
    const settled = () => facts('work-settled', 'same');
    expect(await settled()).toHaveLength(1);
    for (let i = 0; i < 5; i++) await beat('same', revision);
    expect(await settled()).toHaveLength(1);
    await system.server.stop();
    await system.restart();
    for (let i = 0; i < 5; i++) await beat('same', revision);
    expect(await settled()).toHaveLength(1);
    expect(await item('same', 'settings', revision)).toMatchObject({ state: 'acknowledged', attempts: 1 });
  });
});
