import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { type NewFact, type Status, statuses } from '#contracts';
import { appendFacts, type Database, transact } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../../../../test/helpers/database.js';
import { untilCaughtUp } from './catch-up.js';
import { history } from './history.js';
import { countFleet, statusAt } from '../read-history.js';
import { beginRebuild, cancelRebuild, rebuildCheckpoint } from './rebuild.js';
import { runFollower } from './run-follower.js';
import { projectionStates } from './states.js';
import { step } from './step.js';

const lane = 0;
const log = pino({ level: 'silent' });
const patience = 30_000;

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase({ connections: 10 });
  db = database.db;
});
afterAll(() => database.close());

let made = 0;
const change = (): NewFact => {
  const i = made++;
  const status = statuses[i % statuses.length] ?? 'Online';
  const at = new Date(1_795_425_000_000 + i * 700 - (i % 11) * 5_000).toISOString();
  const cause = i % 13 === 0 ? 'uninstalled' : 'heartbeat';
  return {
    type: 'client-status-changed',
    client: `c${(i * 7) % 50}`,
    meta: { actor: 'system' },
    data: { at, status, cause, network: 'direct', networkName: null },
  };
};
const append = (count: number) =>
  transact(db, (tx) => appendFacts(tx, lane, Array.from({ length: count }, change), []));

/** Appends until it is stopped. */
const startAppending = () => {
  let stopping = false;
  const run = async () => {
    while (!stopping) {
      await append(20);
      await sleep(5);
    }
  };
  const running = run();
  return () => {
    stopping = true;
    return running;
  };
};

/** Reads what serves until it is stopped; fails if a read did. */
const startReading = () => {
  let reads = 0;
  let stopping = false;
  const run = async () => {
    while (!stopping) {
      await countFleet(db, [new Date(1_795_425_100_000), new Date(1_795_430_000_000)]);
      await statusAt(db, 'c7', new Date());
      reads++;
    }
  };
  const running = Promise.all([run(), run()]);
  return async () => {
    stopping = true;
    await running;
    return reads;
  };
};

const begin = () => transact(db, (tx) => beginRebuild(tx, history));
const cancel = () => transact(db, (tx) => cancelRebuild(tx, history));
const content = async () => ({
  transitions: await db`SELECT * FROM status_history ORDER BY client_id, at, position`,
  deltas: await db`SELECT * FROM fleet_delta WHERE delta <> 0 ORDER BY span, start, status`,
});
const stateOf = async () => (await projectionStates(db)).find(({ name }) => name === 'history');
const untilRebuilt = async () => {
  while ((await stateOf())?.state === 'rebuilding') await sleep(20);
};
/** Damages what serves, so that it shows whether the new tables came in its place. */
const damage = () => db`
  INSERT INTO status_history (client_id, at, position, status, cause)
  VALUES ('damaged', now(), 1, ${'Online' satisfies Status}, 'heartbeat') ON CONFLICT DO NOTHING`;
const isDamaged = async () => (await db`SELECT FROM status_history WHERE client_id = 'damaged'`).length > 0;

describe('a rebuild', () => {
  test('G2 while facts are appended ends equal to what served all along', async () => {
    await append(3_000);
    const running = runFollower({ db, follower: history, log });
    expect(await untilCaughtUp(db, history, patience)).toBe(true);
    const stopAppending = startAppending();
    await damage();
    await begin();
    expect(await stateOf()).toMatchObject({ state: 'rebuilding', rebuild: { error: null } });
    await expect(begin()).rejects.toMatchObject({ code: 'conflict' });
    await untilRebuilt();
    await stopAppending();
    expect(await untilCaughtUp(db, history, patience)).toBe(true);
    expect(await stateOf()).toMatchObject({ state: 'running', rebuild: null });
    expect(await isDamaged()).toBe(false);
    const rebuilt = await content();
    expect(rebuilt.transitions.length).toBeGreaterThan(0);
    await running.stop();
    await db`TRUNCATE status_history, fleet_delta`;
    await db`UPDATE projection_checkpoint SET position = 0`;
    const again = runFollower({ db, follower: history, log });
    expect(await untilCaughtUp(db, history, patience)).toBe(true);
    await again.stop();
    expect(await content()).toEqual(rebuilt);
  });

  test('G2 is noticed by nobody who reads meanwhile, however often it comes', async () => {
    const running = runFollower({ db, follower: history, log });
    const stopReading = startReading();
    for (let i = 0; i < 3; i++) {
      await begin();
      await untilRebuilt();
    }
    expect(await stopReading()).toBeGreaterThan(0);
    await running.stop();
  });

  test('G2 that is cut off in the middle goes on; the old tables serve until the new ones are there', async () => {
    const before = await content();
    await damage();
    await begin();
    const checkpoint = rebuildCheckpoint(history);
    await step({ db, follower: history, checkpoint }, 500);
    await step({ db, follower: history, checkpoint }, 500);
    const state = await stateOf();
    expect(BigInt(state?.rebuild?.position ?? 0)).toBeGreaterThan(0n);
    expect(BigInt(state?.rebuild?.position ?? 0)).toBeLessThan(BigInt(state?.rebuild?.head ?? 0));
    expect(await isDamaged()).toBe(true);
    const running = [1, 2].map(() => runFollower({ db, follower: history, log }));
    await untilRebuilt();
    await Promise.all(running.map((one) => one.stop()));
    expect(await content()).toEqual(before);
    expect(await db`SELECT FROM pg_namespace WHERE nspname LIKE 'rebuild%'`).toHaveLength(0);
  });

  test('says how fast it is and when it will be done, but not while nobody works on it', async () => {
    const checkpoint = rebuildCheckpoint(history);
    const passed = (seconds: number) =>
      db`UPDATE projection_rebuild SET window_at = window_at - make_interval(secs => ${seconds})`;
    const work = () => step({ db, follower: history, checkpoint }, 200);
    await begin();
    await work();
    expect((await stateOf())?.rebuild).toMatchObject({ perSecond: null, eta: null });
    await passed(2);
    await work();
    const rebuild = (await stateOf())?.rebuild;
    const [position, head] = [Number(rebuild?.position), Number(rebuild?.head)];
    // Two seconds, and what the test itself took.
    expect(rebuild?.perSecond).toBeGreaterThan(position / 4);
    expect(rebuild?.perSecond).toBeLessThanOrEqual(position / 2);
    const left = (head - position) / (rebuild?.perSecond ?? 0);
    expect(Math.abs(Date.parse(rebuild?.eta ?? '') - (Date.now() + left * 1000))).toBeLessThan(2_000);
    await passed(60);
    expect((await stateOf())?.rebuild).toMatchObject({ perSecond: null, eta: null });
    await work();
    expect((await stateOf())?.rebuild).toMatchObject({ perSecond: rebuild?.perSecond });
    await cancel();
  });

  test('that is given up leaves nothing, and what serves as it is; also while others work on it', async () => {
    const before = await content();
    await expect(cancel()).rejects.toMatchObject({ code: 'not_found' });
    await damage();
    const running = [1, 2].map(() => runFollower({ db, follower: history, log }));
    for (let i = 0; i < 5; i++) {
      await begin();
      await sleep(20 * i);
      const isOver = (await stateOf())?.state === 'running';
      if (!isOver) await cancel().catch((error: unknown) => expect(error).toMatchObject({ code: 'not_found' }));
      expect(await stateOf()).toMatchObject({ state: 'running', rebuild: null, error: null });
      expect(await db`SELECT FROM pg_namespace WHERE nspname LIKE 'rebuild%'`).toHaveLength(0);
    }
    await begin();
    await untilRebuilt();
    await Promise.all(running.map((one) => one.stop()));
    expect(await content()).toEqual(before);
  });
});
