import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { isTimeout, openDatabase } from './database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

test('a statement that runs longer than it may is ended by Postgres, and known as such', async () => {
  const db = openDatabase({ url: database.url, connections: 1, statementTimeout: 100 });
  const error: unknown = await db`SELECT pg_sleep(60)`.catch((reason: unknown) => reason);
  expect(isTimeout(error)).toBe(true);
  expect(await db`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  await db.end();
});
