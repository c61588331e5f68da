import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { LanePresence } from './lane-presence.js';
import { Snapshots } from './snapshots.js';

const lane = 0;
let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const positions = async (): Promise<readonly bigint[]> => {
  const rows = await database.db<{ position: bigint }[]>`
    SELECT DISTINCT position FROM presence_snapshot WHERE lane = ${lane}`;
  return rows.map(({ position }) => position);
};

test('a snapshot is due when there is two seconds’ replay after the last, of contacts or of facts or of both', async () => {
  const snapshots = new Snapshots(database.db, lane, pino({ level: 'silent' }), { contacts: 1_000_000, facts: 0 });
  const presence = new LanePresence();
  const consider = async (position: bigint, contacts: number, facts: number) => {
    snapshots.consider(presence, position, { contacts, facts });
    await snapshots.finish();
    return positions();
  };
  expect(await consider(10n, 0, 224_999)).toEqual([]);
  expect(await consider(11n, 0, 1)).toEqual([11n]);
  expect(await consider(12n, 9_999_999, 0)).toEqual([11n]);
  expect(await consider(13n, 1, 0)).toEqual([13n]);
});
