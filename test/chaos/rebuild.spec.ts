import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NewFact, statuses } from '#contracts';
import { createTestDatabase } from '#embedded';
import { appendFacts, type Database, openDatabase, readFacts, transact } from '#event-log';
import { history, projectionStates } from '#projections';
import { type Beating, startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

const lane = 0;
/** Enough transitions of the past that a rebuild takes some seconds. */
const past = { facts: 30_000, clients: 1_500, page: 3_000 };
const kills = 2;
const beating = Array.from({ length: 50 }, (_, i) => `beating-${i}`);
const turning = Array.from({ length: 20 }, (_, i) => `turning-${i}`);
/** Tables of what served before, and where the log was: brought up to date by itself, it is what they must end as. */
const shadow = 'shadow';

type Projections = {
  readonly items: readonly {
    readonly state: string;
    readonly lag: string;
  }[];
};

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
let system: System;
let load: Beating;
let stopTurning: () => Promise<void>;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  for (let from = 0; from < past.facts; from += past.page) {
    const facts = Array.from({ length: past.page }, (_, i) => transition(from + i));
    await transact(db, (tx) => appendFacts(tx, lane, facts, []));
  }
  system = await startSystem({ databaseUrl: database.url });
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  await Promise.all([...beating, ...turning].map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] })));
  await untilCaughtUp();
}, 120_000);
afterAll(async () => {
  await load.stop();
  await stopTurning();
  await system.stop();
  await db.end();
  await database.drop();
});

const transition = (i: number): NewFact => ({
  type: 'client-status-changed',
  client: `past-${i % past.clients}`,
  meta: { actor: 'test' },
  data: {
    at: new Date(1_780_000_000_000 + i * 1_000).toISOString(),
    status: statuses[i % statuses.length] ?? 'Online',
    cause: 'heartbeat',
    network: 'direct',
    networkName: null,
  },
});

/** Goes and comes back, one client after the other. */
const startTurning = (): (() => Promise<void>) => {
  let stopping = false;
  const run = async () => {
    for (let i = 0; !stopping; i++) {
      const id = turning[i % turning.length] ?? '';
      system.publish(id, 'stop', {});
      system.publish(id, 'heartbeat', {});
      await sleep(20);
    }
  };
  const running = run();
  return () => {
    stopping = true;
    return running;
  };
};

const projection = async () => {
  const { items } = await system.rest.get<Projections>('/v1/projections');
  return items[0];
};
const untilCaughtUp = () =>
  until(projection, (state) => state?.state === 'running' && Number(state.lag) === 0, { seconds: 60 });
/** As the table has it, while no server answers too. */
const rebuildRow = async () => {
  const [row] = await db<{ position: bigint; startedAt: Date }[]>`
    SELECT position, started_at AS "startedAt" FROM projection_rebuild`;
  return row;
};

const copyServing = (): Promise<bigint> =>
  transact(db, async (tx) => {
    await tx`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`;
    const [row] = await tx<{ position: bigint }[]>`SELECT position FROM projection_checkpoint WHERE name = 'history'`;
    await tx`CREATE SCHEMA ${tx(shadow)}`;
    for (const table of history.tables) {
      await tx`CREATE TABLE ${tx(shadow)}.${tx(table)} (LIKE ${tx(table)} INCLUDING ALL)`;
      await tx`INSERT INTO ${tx(shadow)}.${tx(table)} SELECT * FROM ${tx(table)}`;
    }
    return row?.position ?? 0n;
  });
const applyToCopy = async (after: bigint, upTo: bigint): Promise<void> => {
  const facts = await readFacts(db, { after, upTo, types: history.handles, limit: 1_000_000 });
  await transact(db, async (tx) => {
    await tx`SELECT set_config('search_path', ${`${shadow},public`}, true)`;
    await history.apply(facts, tx);
  });
};
const content = async (schema: string) => ({
  transitions: await db`SELECT * FROM ${db(schema)}.status_history ORDER BY client_id, at, position`,
  deltas: await db`SELECT * FROM ${db(schema)}.fleet_delta WHERE delta <> 0 ORDER BY span, start, status`,
});
/** Damages what serves, so that it shows whether the new tables came in its place. */
const damage = () => db`
  INSERT INTO status_history (client_id, at, position, status, cause) VALUES ('damaged', now(), 1, 'Online', 'heartbeat')`;

test(`G2 a rebuild under load, killed ${kills} times, goes on where it was and ends equal to what served`, async () => {
  load = startBeating(system.nats, { ids: beating, interval: 250 });
  stopTurning = startTurning();
  const copiedAt = await copyServing();
  await damage();
  expect((await system.rest.send('POST', '/v1/projections/history/rebuild')).status).toBe(202);
  const startedAt = (await rebuildRow())?.startedAt;
  let reached = 0n;
  for (let kill = 1; kill <= kills; kill++) {
    const enough = BigInt(Math.round((past.facts / (kills + 2)) * kill));
    await until(rebuildRow, (row) => (row?.position ?? 0n) >= enough, { seconds: 60, pause: 5 });
    await system.server.kill();
    const left = await rebuildRow();
    expect(left?.position).toBeGreaterThanOrEqual(reached);
    reached = left?.position ?? 0n;
    expect(reached).toBeLessThan(past.facts);
    await system.restart();
    const next = await rebuildRow();
    if (next) expect(next).toEqual({ startedAt, position: expect.any(BigInt) });
    if (next) expect(next.position).toBeGreaterThanOrEqual(reached);
  }
  await until(projection, (state) => state?.state === 'running', { seconds: 60 });
  await Promise.all([load.stop(), stopTurning()]);
  const log = openLog(database.url);
  const total = [...load.stored.values()].reduce((sum, count) => sum + count, 0);
  await until(
    async () => [...(await log.contacts('heartbeat'))].filter(([id]) => load.stored.has(id)),
    (logged) => logged.reduce((sum, [, count]) => sum + count, 0) === total,
  );
  await log.end();
  await untilCaughtUp();
  const [state] = await projectionStates(db);
  await applyToCopy(copiedAt, state?.position ?? 0n);
  const rebuilt = await content('public');
  expect(rebuilt).toEqual(await content(shadow));
  expect(rebuilt.transitions.length).toBeGreaterThan(past.facts);
}, 240_000);

test('a rebuild that is given up leaves what serves as it is, and another begins from nothing', async () => {
  const rebuildPath = '/v1/projections/history/rebuild';
  const before = await content('public');
  expect((await system.rest.send('DELETE', rebuildPath)).status).toBe(404);
  await system.rest.send('POST', rebuildPath);
  await until(rebuildRow, (row) => (row?.position ?? 0n) > 0n, { pause: 5 });
  expect((await system.rest.send('DELETE', rebuildPath)).status).toBe(204);
  expect(await projection()).toMatchObject({ state: 'running', rebuild: null });
  expect(await content('public')).toEqual(before);
  expect((await system.rest.send('POST', rebuildPath)).status).toBe(202);
  await until(projection, (state) => state?.state === 'running', { seconds: 60 });
  expect(await content('public')).toEqual(before);
}, 120_000);
