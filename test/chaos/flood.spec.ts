import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkReply } from '#contracts';
import { contactLimit } from '#domain';
import { startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

/** Behind one NAT gateway, with the one that floods. */
const neighbours = Array.from({ length: 50 }, (_, i) => `neighbour-${i}`);
const floodPerSecond = 1_000;
const floodSeconds = 6;

let system: System;
let log: LogReader;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  await Promise.all(['flood', ...neighbours].map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] })));
});
afterAll(async () => {
  await log.end();
  await system.stop();
});

type Fleet = { readonly ingest: { readonly lagSeconds: number } };
type Refusal = { readonly error?: { readonly code: string; readonly retryAfterSeconds: number } };

test('G12 one client at 1,000 messages a second is cut short alone; its neighbours lose nothing and wait for nothing', async () => {
  const load = startBeating(system.nats, { ids: neighbours, interval: 1_000 });
  const lags: number[] = [];
  const end = Date.now() + floodSeconds * 1_000;
  for (let sent = 0, start = Date.now(); Date.now() < end; await sleep(20)) {
    const due = ((Date.now() - start) * floodPerSecond) / 1_000;
    for (; sent < due; sent++) system.publish('flood', 'heartbeat');
    if (sent % 10 === 0) lags.push((await system.rest.get<Fleet>('/v1/fleet')).ingest.lagSeconds);
  }
  await load.stop();
  for (const lag of lags) expect(lag).toBeLessThan(1);

  const beats = await until(
    () => log.contacts('heartbeat'),
    (logged) => neighbours.every((id) => logged.get(id) === load.stored.get(id)),
  );
  expect(beats.get('flood')).toBeLessThanOrEqual(2 * contactLimit.contacts);
  const { counts } = await until(
    () => system.rest.get<{ counts: Record<string, number> }>('/v1/rejects'),
    (rejects) => (rejects.counts['rate_limited'] ?? 0) > 0,
  );
  expect(counts['rate_limited']).toBeGreaterThan((floodPerSecond * floodSeconds) / 2);
  expect(await system.client('flood')).toMatchObject({ status: 'Unreachable/Online' });
}, 60_000);

test('G12 requests beyond the limit are refused with the time to wait; others are answered', async () => {
  const polls = Array.from({ length: 2 * contactLimit.contacts + 100 }, () =>
    system.request<WorkReply & Refusal>('flood', 'poll', {}),
  );
  const [neighbour, ...answers] = await Promise.all([system.request('neighbour-1', 'poll', {}), ...polls]);
  expect(neighbour).toMatchObject({ more: false });
  const refused = answers.flatMap(({ error }) => (error ? [error] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const { code, retryAfterSeconds } of refused) {
    expect(code).toBe('rate_limited');
    expect(retryAfterSeconds).toBeGreaterThan(0);
  }
}, 60_000);
