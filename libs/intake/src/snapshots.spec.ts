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

/** So many clients in memory. */
const presenceOf = (clients: number): LanePresence => {
  const presence = new LanePresence();
  for (let ordinal = 0; ordinal < clients; ordinal++) presence.members.enter(ordinal, `pc-${ordinal}`);
  return presence;
};

test('a snapshot is due when there is a moment’s replay after the last, of contacts or of facts or of both', async () => {
  const snapshots = new Snapshots(database.db, lane, pino({ level: 'silent' }), { contacts: 100_000, facts: 0 });
  const presence = presenceOf(1);
  const consider = async (position: bigint, contacts: number, facts: number) => {
    snapshots.consider(presence, position, { contacts, facts });
    await snapshots.finish();
    return positions();
  };
  expect(await consider(10n, 0, 7_499)).toEqual([]);
  expect(await consider(11n, 0, 1)).toEqual([11n]);
  expect(await consider(12n, 399_999, 0)).toEqual([11n]);
  expect(await consider(13n, 1, 0)).toEqual([13n]);
});

test('the more clients a snapshot has, the more is replayed after it', async () => {
  const snapshots = new Snapshots(database.db, lane, pino({ level: 'silent' }), { contacts: 0, facts: 0 });
  const presence = presenceOf(150_000);
  const consider = async (position: bigint, contacts: number) => {
    snapshots.consider(presence, position, { contacts, facts: 0 });
    await snapshots.finish();
    return positions();
  };
  expect(await consider(20n, 599_999)).toEqual([13n]);
  expect(await consider(21n, 1)).toEqual([21n]);
});
