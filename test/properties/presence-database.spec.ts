import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Database } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';
import { Oracle } from '../oracle/oracle.js';
import { stateByRules, stateOf, told, transitionsByRules } from './agreement.js';
import { seed } from './check.js';
import { DatabaseLane } from './database-lane.js';
import { fleetOf } from './fleet.js';
import { histories } from './histories.js';
import { runLive, transitionsOf } from './live.js';

const count = 100;
const outages = [
  { after: 20_000, length: 12_000 },
  { after: 45_000, length: 90_000 },
];

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close(), 120_000);

test('R1–R8, R16, R19, R20, G1, G3, G7, G8: on a real database, with owners that lose the lane, the oracle is right', async () => {
  process.stdout.write(`${count} histories on a database; repeat with REACHBACK_SEED=${seed}\n`);
  const sample = fc.sample(histories({ outages: false, verification: true, inactive: true }), {
    numRuns: count,
    seed,
  });
  const { entries, clients } = fleetOf(sample, outages);
  const lane = await DatabaseLane.open(db);
  await runLive(entries, lane, { seed, size: 60, failing: 80 });

  const judged = new Oracle(entries).judge();
  expect(told(transitionsOf(await lane.statusFacts()))).toEqual(told(transitionsByRules(judged)));
  expect(stateOf(lane.owner.presence, clients)).toEqual(stateByRules(judged, clients));
  expect(stateOf(await lane.rebuild(), clients)).toEqual(stateByRules(judged, clients));
}, 600_000);
