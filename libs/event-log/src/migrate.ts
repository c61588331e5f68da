import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from './database.js';
import { transact } from './transact.js';

/** One number for all of Reachback's migrations, so that two servers starting at once take turns. */
const advisoryLock = 7_262_001;

/** The SQL files are read from the sources: the build has no copy of them. */
const folder = async (): Promise<string> => {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const candidate = join(at, 'libs', 'event-log', 'migrations');
    const found = await readdir(candidate).catch(() => undefined);
    if (found?.some((file) => file.endsWith('.sql'))) return candidate;
  }
  throw new Error('The folder libs/event-log/migrations is missing from this installation.');
};

/**
 * Brings the schema up to date, forward only: every `NNNN_name.sql` not yet applied, in order, each in a transaction.
 *
 * @returns the names of the migrations applied now
 * @throws when the database was migrated by a newer Reachback
 */
export const migrate = async (db: Database): Promise<readonly string[]> => {
  const from = await folder();
  const files = (await readdir(from)).filter((file) => /^\d{4}_.*\.sql$/.test(file)).sort();
  return transact(db, async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${advisoryLock})`;
    await tx`CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`;
    const applied = new Set((await tx<{ name: string }[]>`SELECT name FROM migration`).map((row) => row.name));
    const unknown = [...applied].find((name) => !files.includes(name));
    if (unknown)
      throw new Error(
        `The database has migration ${unknown}, which this version does not know; use a newer Reachback.`,
      );
    const missing = files.filter((file) => !applied.has(file));
    for (const file of missing) {
      await tx.unsafe(await readFile(join(from, file), 'utf8'));
      await tx`INSERT INTO migration (name) VALUES (${file})`;
    }
    return missing;
  });
};
