import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Subscription } from '@nats-io/transport-node';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const answer = async (id: string): Promise<Subscription> => {
  const subscription = system.nats.subscribe(`reachback.v1.${id}.notify`, {
    callback: (_, message) => void message.respond('{}'),
  });
  await system.nats.flush();
  return subscription;
};
const verify = async () => {
  const { body } = await system.rest.send<{ id: string }>('POST', '/v1/verifications');
  await until(
    () => system.rest.get<{ state: string }>(`/v1/verifications/${body.id}`),
    ({ state }) => state === 'finished',
  );
};

test('R19 silence puts a direct client offline, an answer online, cause verification; unreachable ones stay', async () => {
  const ears = await answer('here');
  await answer('nat');
  for (const id of ['here', 'gone']) await system.request(id, 'register', { ips: ['192.168.7.7'] });
  await system.request('nat', 'register', { ips: ['10.0.0.1'] });
  const before = await system.client('nat');

  await verify();
  expect(await system.untilStatus('gone', 'Offline')).toMatchObject({ cause: 'verification' });
  expect(await system.client('here')).toMatchObject({ status: 'Online', cause: 'registered' });

  ears.unsubscribe();
  await answer('gone');
  await verify();
  expect(await system.untilStatus('gone', 'Online')).toMatchObject({ cause: 'verification' });
  expect(await system.untilStatus('here', 'Offline')).toMatchObject({ cause: 'verification' });
  const { status, cause, since } = await system.client('nat');
  expect({ status, cause, since }).toEqual({ status: before.status, cause: before.cause, since: before.since });
});

test('R19 who speaks after it was asked in vain is not put offline', async () => {
  system.nats.subscribe('reachback.v1.mute.notify', {
    callback: () => void system.publish('mute', 'logs', { line: 1 }),
  });
  await system.nats.flush();
  for (const id of ['mute', 'silent']) await system.request(id, 'register', { ips: ['192.168.7.7'] });
  await verify();
  // The lane hears of the two in the order of their ids.
  await system.untilStatus('silent', 'Offline');
  expect(await system.client('mute')).toMatchObject({ status: 'Online', cause: 'registered' });
});
