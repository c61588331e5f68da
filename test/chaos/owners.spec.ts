import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';
import { startSystem, type System } from '../helpers/system.js';

const ids = Array.from({ length: 200 }, (_, i) => `client-${i}`);

let system: System;
let log: LogReader;
let rival: ServerProcess;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT3S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
  await Promise.all(ids.map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] })));
});
afterAll(async () => {
  rival.process.kill('SIGCONT');
  await rival.stop();
  await log.end();
  await system.stop();
});

const fencings = (server: ServerProcess) => server.log().split('another server has taken the lane').length - 1;

test('two owners of one lane: one is fenced, and nothing is lost or doubled', async () => {
  const load = startBeating(system.nats, { ids, interval: 200 });
  await sleep(1_000);

  // A second server takes the lane; the first finds itself fenced at its next append and stands by.
  rival = await startServerProcess({ natsUrl: system.broker.url, databaseUrl: system.databaseUrl });
  await until(
    () => fencings(system.server),
    (count) => count === 1,
  );
  await sleep(1_000);

  // The owner hangs, with a batch under way or not; the other takes over, and fences it when it wakes up.
  rival.process.kill('SIGSTOP');
  await until(
    () => system.server.log().split('lane owned').length - 1,
    (count) => count === 2,
  );
  await sleep(1_000);
  rival.process.kill('SIGCONT');
  await until(
    () => fencings(rival),
    (count) => count >= 1,
  );
  await sleep(1_000);

  expect(await log.facts('lane-source-reset')).toHaveLength(1);
  // Whoever stops falls silent, and rightly goes offline while the rest is still looked at.
  const stoppedAt = new Date().toISOString();
  await load.stop();
  const total = [...load.stored.values()].reduce((sum, count) => sum + count, 0);
  await until(
    async () => [...(await log.contacts('heartbeat')).values()].reduce((sum, count) => sum + count, 0),
    (logged) => logged === total,
  );
  const logged = await log.contacts('heartbeat');
  for (const [id, count] of load.stored) expect([id, logged.get(id)]).toEqual([id, count]);
  for (const [id, all] of await log.transitions()) {
    const causes = all.filter(({ at }) => at < stoppedAt).map(({ cause }) => cause);
    expect([id, causes]).toEqual([id, ['registered']]);
  }
  expect(await log.gaps()).toBe(0);
}, 120_000);
