import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { type Database, LaneCountError, readLane, readLaneCount, settleLaneCount } from './index.js';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

test('the first server says how many lanes there are, however many start at once; another number is refused', async () => {
  expect(await readLaneCount(db)).toBeUndefined();
  expect(await Promise.all([settleLaneCount(db, 8), settleLaneCount(db, 8)])).toEqual([8, 8]);
  expect(await settleLaneCount(db, undefined)).toBe(8);
  await expect(settleLaneCount(db, 4)).rejects.toThrow(LaneCountError);
  await expect(settleLaneCount(db, 1)).rejects.toThrow('this installation has 8 lanes');
  expect(await readLaneCount(db)).toBe(8);
  expect((await readLane(db, 7)).watermark.sequence).toBe(0n);
  await expect(readLane(db, 8)).rejects.toThrow('There is no lane 8');
});
