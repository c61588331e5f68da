import { createTestDatabase } from '#embedded';
import { type Database, type DatabaseOptions, openDatabase } from '#event-log';

/** A database of the test file's own, with Reachback's tables. */
export type TestDatabase = { readonly db: Database; readonly url: string; readonly close: () => Promise<void> };

export const openTestDatabase = async (options: Omit<DatabaseOptions, 'url'> = {}): Promise<TestDatabase> => {
  const database = await createTestDatabase();
  const db = openDatabase({ url: database.url, ...options });
  return {
    db,
    url: database.url,
    close: async () => {
      await db.end();
      await database.drop();
    },
  };
};
