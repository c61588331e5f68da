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

test.each([
  [true, { generic: 0, custom: 10 }],
  [false, { generic: 5, custom: 5 }],
])(
  'with custom plans (%s) a statement is planned for its values however often it comes',
  async (customPlans, plans) => {
    const db = openDatabase({ url: database.url, connections: 1, customPlans });
    for (let i = 0; i < 10; i++) await db`SELECT ${i}::integer AS planned`;
    const [row] = await db`
    SELECT generic_plans::integer AS generic, custom_plans::integer AS custom
    FROM pg_prepared_statements WHERE starts_with(statement, 'SELECT $1::integer AS planned')`;
    expect(row).toEqual(plans);
    await db.end();
  },
);
