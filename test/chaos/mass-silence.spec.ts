import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewFact } from '#contracts';
import { appendFacts, type Database, lockLog, openDatabase, readLane, reserveOrdinals, transact } from '#event-log';
import { inlineProjections } from '#projections';
import { type Beating, startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

/** Many transactions of turns to offline; `REACHBACK_SILENT` tries more. */
const count = Number(process.env['REACHBACK_SILENT'] ?? 8_000);
const silent = Array.from({ length: count }, (_, i) => `silent-${i}`);
const beating = Array.from({ length: 20 }, (_, i) => `beating-${i}`);
const lane = 0;
const limit = 20_000;

type FleetNow = {
  readonly byStatus: Readonly<Record<string, number>>;
  readonly ingest: { readonly lagSeconds: number } | null;
};

let system: System;
let log: LogReader;
let db: Database;
/** Those who beat, in one test after the other. */
const loads: Beating[] = [];

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  db = openDatabase({ url: system.databaseUrl });
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const reachback = { heartbeat: { interval: 'PT5S' }, offlineAfter: `PT${limit / 1000}S` };
  await system.rest.send('PATCH', '/v1/settings', { reachback });
  await register([...silent, ...beating]);
}, 300_000);
afterAll(async () => {
  await db.end();
  await log.end();
  await system.stop();
});

const register = async (ids: readonly string[]): Promise<void> => {
  for (let from = 0; from < ids.length; from += 2_000) {
    const some = ids.slice(from, from + 2_000);
    await transact(db, async (tx) => {
      await lockLog(tx);
      const first = await reserveOrdinals(tx, lane, some.length);
      const facts = some.map((client, i): NewFact => ({
        type: 'client-registered',
        client,
        meta: { actor: 'agent' },
        data: {
          ordinal: first + i,
          name: null,
          group: '',
          labels: {},
          ips: ['10.1.2.3'],
          agentVersion: null,
          installed: {},
        },
      }));
      await appendFacts(tx, lane, facts, inlineProjections);
    });
  }
};

const startLoad = (): Beating => {
  const load = startBeating(system.nats, { ids: beating, interval: 1_000, receiptTimeout: 30_000 });
  loads.push(load);
  return load;
};

const storedOf = (id: string): number => loads.reduce((sum, { stored }) => sum + (stored.get(id) ?? 0), 0);

const beatOnce = async (): Promise<void> => {
  for (const [i, id] of silent.entries()) {
    system.publish(id, 'heartbeat');
    if (i % 1_000 === 0) await system.nats.flush();
  }
  await system.nats.flush();
};

const countTurns = async (cause: 'silence' | 'heartbeat' | 'policy-changed'): Promise<number> => {
  const [row] = await db<{ turns: number }[]>`
    SELECT count(*)::integer AS turns FROM event
    WHERE type = 'client-status-changed' AND data->>'cause' = ${cause}`;
  return row?.turns ?? 0;
};

/** How far intake is behind, looked at again and again until `stop`, in seconds. */
const watchLag = () => {
  const lags: number[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const fleet = await system.rest.get<FleetNow>('/v1/fleet').catch(() => undefined);
      if (fleet?.ingest) lags.push(fleet.ingest.lagSeconds);
      await sleep(100);
    }
  })();
  return async (): Promise<number> => {
    stopping.abort();
    await watching;
    return Math.max(...lags);
  };
};

/** When each client's last beat arrived. */
const lastBeats = async (): Promise<ReadonlyMap<string, number>> => {
  const rows = await db<{ id: string; at: Date }[]>`
    SELECT c.id, max(k.at) AS at FROM contact k JOIN client c ON c.lane = k.lane AND c.ordinal = k.ordinal
    WHERE k.kind = 'heartbeat' GROUP BY c.id`;
  return new Map(rows.map(({ id, at }) => [id, at.getTime()]));
};

/** Kills the server as soon as a part of the turns may be written, and waits for the next to have written the rest. */
const dieAmid = async (cause: 'silence' | 'policy-changed', total: number): Promise<void> => {
  await system.server.kill();
  const cutShort = await countTurns(cause);
  expect(cutShort).toBeLessThan(total);
  await system.restart();
  const { term } = await readLane(db, lane);
  const started = Date.now();
  const stopWatching = watchLag();
  await until(
    () => countTurns(cause),
    (turns) => turns >= total,
    { seconds: 200, pause: 500 },
  );
  const lag = await stopWatching();
  const seconds = (Date.now() - started) / 1000;
  process.stdout.write(
    `${cause}: ${cutShort} before the kill, ${total - cutShort} within ${seconds} s after it; intake ${lag} s behind at most\n`,
  );
  if ((await readLane(db, lane)).term !== term) throw new Error(`The lane was lost meanwhile:\n${system.server.log()}`);
};

test('R5, G1, G7: a mass that falls silent at once is offline when it was due, though the server dies amid the verdicts, and beats go on', async () => {
  const load = startLoad();
  await beatOnce();
  await until(
    () => countTurns('heartbeat'),
    (turns) => turns === count + beating.length,
    { seconds: 120 },
  );

  await until(
    () => log.facts('lane-silence-judged'),
    (judgements) => judgements.length > 0,
    { pause: 5, seconds: 60 },
  );
  await dieAmid('silence', count);

  const [beats, transitions] = [await lastBeats(), await log.transitions()];
  const fleet = await system.rest.get<FleetNow>('/v1/fleet');
  await load.stop();
  for (const id of silent) {
    const turns = transitions.get(id)?.map(({ status, cause, at }) => `${status} ${cause} ${Date.parse(at)}`) ?? [];
    const due = (beats.get(id) ?? 0) + limit;
    expect([id, turns.length, turns.at(-1)]).toEqual([id, 2, `Unreachable/Offline silence ${due}`]);
  }
  for (const id of beating) expect([id, transitions.get(id)?.length]).toEqual([id, 1]);
  expect(await log.gaps()).toBe(0);
  expect(fleet.byStatus).toMatchObject({ 'Unreachable/Online': beating.length, 'Unreachable/Offline': count });
}, 400_000);

test('R7, G1, G7: a mass that loses heartbeat and polling is offline from the change on, though the server dies amid the writing, and beats go on', async () => {
  const everybody = count + beating.length;
  const load = startLoad();
  await system.rest.send('PATCH', '/v1/settings', { reachback: { offlineAfter: 'PT1H' } });
  await beatOnce();
  await until(
    () => system.rest.get<FleetNow>('/v1/fleet'),
    ({ byStatus }) => byStatus['Unreachable/Online'] === everybody,
    { seconds: 120 },
  );

  const off = { heartbeat: { enabled: false }, poll: { enabled: false } };
  await system.rest.send('PATCH', '/v1/settings', { reachback: off });
  await until(
    () => countTurns('policy-changed'),
    (turns) => turns > 0,
    { pause: 5, seconds: 60 },
  );
  await dieAmid('policy-changed', everybody);
  await load.stop();

  const [change] = await db<{ position: string; at: Date }[]>`
    SELECT position::text, recorded_at AS at FROM event WHERE type = 'settings-changed' ORDER BY event.position DESC LIMIT 1`;
  const turns = await db<{ cause: string; at: Date; turns: number; clients: number }[]>`
    SELECT meta->>'causation' AS cause, (data->>'at')::timestamptz AS at, count(*)::integer AS turns,
           count(DISTINCT client_id)::integer AS clients
    FROM event WHERE type = 'client-status-changed' AND data->>'cause' = 'policy-changed' GROUP BY 1, 2`;
  expect(turns).toEqual([{ cause: change?.position, at: change?.at, turns: everybody, clients: everybody }]);
  const beats = await until(
    () => log.contacts('heartbeat'),
    (logged) => beating.every((id) => logged.get(id) === storedOf(id)),
  );
  expect(beats.size).toBe(everybody);
  expect(await log.gaps()).toBe(0);
  const fleet = await system.rest.get<FleetNow>('/v1/fleet');
  expect(fleet.byStatus).toMatchObject({ 'Unreachable/Online': 0, 'Unreachable/Offline': everybody });
}, 400_000);
