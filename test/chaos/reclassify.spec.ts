import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '#contracts';
import { startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

/** Several slices of a pass. */
const clients = Array.from({ length: 9_000 }, (_, i) => `client-${i}`);
const beating = clients.slice(0, 20);

let system: System;
let log: LogReader;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  for (let from = 0; from < clients.length; from += 500) {
    const some = clients.slice(from, from + 500);
    await Promise.all(some.map((id, i) => system.request(id, 'register', { ips: [`10.0.${from / 500}.${i % 250}`] })));
  }
  await until(async () => (await log.transitions()).size === clients.length);
}, 120_000);
afterAll(async () => {
  await log.end();
  await system.stop();
});

const changed = async (): Promise<number> =>
  [...(await log.transitions()).values()].filter((all) => all.at(-1)?.cause === 'network-changed').length;

test('R1 a change of networks reclassifies everybody once, though the server dies in the middle, and beats go on', async () => {
  const load = startBeating(system.nats, { ids: beating, interval: 200 });
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  await until(changed, (count) => count > 0, { pause: 5 });
  await system.server.kill();
  const cutShort = await changed();
  expect(cutShort).toBeLessThan(clients.length);
  await system.restart();
  await until(changed, (count) => count === clients.length);
  await load.stop();

  const transitions = await log.transitions();
  for (const id of clients) {
    expect([id, transitions.get(id)?.map(({ status, cause }) => [status, cause])]).toEqual([
      id,
      [
        ['Online', 'registered'],
        ['Unreachable/Online', 'network-changed'],
      ],
    ]);
  }
  const beats = await until(
    () => log.contacts('heartbeat'),
    (logged) => beating.every((id) => logged.get(id) === load.stored.get(id)),
  );
  expect(beats.size).toBe(beating.length);
  const { items } = await system.rest.get<{ items: Client[] }>('/v1/clients?network=nat&limit=1');
  expect(items).toHaveLength(1);
  expect(await log.gaps()).toBe(0);
}, 120_000);
