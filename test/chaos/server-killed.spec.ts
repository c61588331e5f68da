import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkReply } from '#contracts';
import { startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startProgress } from '../helpers/progress.js';
import { startSystem, type System } from '../helpers/system.js';

const kills = Number(process.env['REACHBACK_KILLS'] ?? 5);
const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const beating = named('beating', 300);
const leaving = named('leaving', 30);
const polling = named('polling', 30);

let system: System;
let log: LogReader;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT4S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
  // A poll that a killed server takes with it is missed after two seconds, and the next server may be killed as well.
  await system.rest.send('PATCH', '/v1/groups/polling/settings', {
    reachback: { heartbeat: { enabled: false }, offlineAfter: 'PT30S' },
  });
  const register = (id: string) => system.request(id, 'register', { ips: ['10.0.0.1'], group: id.split('-')[0] });
  await Promise.all([...beating, ...leaving, ...polling].map(register));
});
afterAll(async () => {
  await log.end();
  await system.stop();
});

/** Broker and servers that start over and over leave a small machine little for a receipt. */
const patiently = { receiptTimeout: 30_000 };

/** Sends until there is an answer that is none of "try again". */
const insist = async <T>(id: string, kind: string, payload: object): Promise<T> =>
  until(
    () => system.request<T & { error?: { code: string } }>(id, kind, payload, { timeout: 2_000 }),
    (reply) => reply.error === undefined,
    { seconds: 120, pause: 200 },
  );

/** Polls and acknowledges what comes, over and over; how often it was answered. */
const pollOn = async (id: string, signal: AbortSignal): Promise<number> => {
  let answers = 0;
  let settingsRevision = '0';
  while (!signal.aborted) {
    const { settings } = await insist<WorkReply>(id, 'poll', { settingsRevision });
    answers++;
    if (settings) {
      await insist(id, 'ack', { results: [{ kind: 'settings', revision: settings.revision, outcome: 'applied' }] });
      settingsRevision = settings.revision;
    }
    await sleep(500);
  }
  return answers;
};

test(`G1 G7 the server is killed ${kills} times under load: nothing lost, nothing doubled, nobody falsely offline`, async () => {
  const load = startBeating(system.nats, { ids: beating, interval: 200, ...patiently });
  const stopPolling = new AbortController();
  const polls = Promise.all(polling.map((id) => pollOn(id, stopPolling.signal)));
  let goodbyes = startBeating(system.nats, { ids: leaving, interval: 500, ...patiently });

  const progress = startProgress('kills', kills);
  for (let kill = 1; kill <= kills; kill++) {
    progress(kill - 1);
    await sleep(Math.random() * 900);
    await system.server.kill();
    if (kill % 5 === 0) {
      // Those that leave fall silent, while the server is away or recovers, and come back later.
      await goodbyes.stop();
      await system.restart();
      await until(log.transitions, (all) => leaving.every((id) => all.get(id)?.at(-1)?.cause === 'silence'));
      goodbyes = startBeating(system.nats, { ids: leaving, interval: 500, ...patiently });
      await until(log.transitions, (all) => leaving.every((id) => all.get(id)?.at(-1)?.cause === 'heartbeat'));
    } else {
      await system.restart();
    }
    if (kill % 4 === 0)
      await until(async () => (await system.rest.send('PATCH', '/v1/settings', { turn: kill })).status === 200);
  }

  // Whoever stops falls silent, and rightly goes offline while the rest is still looked at.
  const stoppedAt = new Date().toISOString();
  stopPolling.abort();
  await Promise.all([load.stop(), goodbyes.stop()]);
  const answers = await polls;
  const total = [...load.stored.values()].reduce((sum, count) => sum + count, 0);
  await until(
    async () =>
      (await log.contacts('heartbeat')).size > 0 &&
      [...(await log.contacts('heartbeat'))]
        .filter(([id]) => load.stored.has(id))
        .reduce((sum, [, count]) => sum + count, 0),
    (logged) => logged === total,
  );

  const logged = await log.contacts('heartbeat');
  for (const [id, count] of load.stored) expect([id, logged.get(id)]).toEqual([id, count]);
  expect(await log.gaps()).toBe(0);

  const transitions = await log.transitions();
  const causesOf = (id: string) =>
    (transitions.get(id) ?? []).filter(({ at }) => at < stoppedAt).map(({ cause }) => cause);
  for (const id of [...beating, ...polling]) expect([id, causesOf(id)]).toEqual([id, ['registered']]);
  const rounds = Array.from({ length: kills / 5 }, () => ['silence', 'heartbeat']).flat();
  for (const id of leaving) expect([id, causesOf(id)]).toEqual([id, ['registered', ...rounds]]);

  const pollsLogged = await log.contacts('poll');
  polling.forEach((id, i) => expect(pollsLogged.get(id)).toBeGreaterThanOrEqual(answers[i] ?? 0));
  const settled = await log.facts<{ items: { revision: string }[] }>('work-settled');
  const once = settled.flatMap(({ client, data }) => data.items.map(({ revision }) => `${client} ${revision}`));
  expect(new Set(once).size).toBe(once.length);
}, 240_000);
