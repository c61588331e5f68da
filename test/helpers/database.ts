import { createTestDatabase } from '#embedded';
import { type Database, type DatabaseOptions, openDatabase } from '#event-log';

/** A database of the test file's own, with Reachback's tables. */
export type TestDatabase = { readonly db: Database; readonly url: string; readonly close: () => Promise<void> };

/** Opens one; a copy of `template`, if that is given. */
export const openTestDatabase = async ({
  template,
  ...options
}: Omit<DatabaseOptions, 'url'> & { readonly template?: string } = {}): Promise<TestDatabase> => {
  const database = await createTestDatabase(template);
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
