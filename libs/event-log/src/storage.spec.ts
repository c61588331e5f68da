import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { appendFacts } from './append.js';
import { appendChunk, ensurePartitions } from './chunks.js';
import { contactBytes } from './chunk-codec.js';
import type { Database } from './database.js';
import { transact } from './transact.js';
import { readStorage } from './storage.js';

const lane = 0;
const count = 8_192;
const day = 86_400_000;
const chunkOf = (at: number) => ({ at, count, data: Buffer.alloc(count * contactBytes, 1) });

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

const append = (at: number, chunks: number) =>
  transact(db, async (tx) => {
    await ensurePartitions(tx, at, 0);
    for (let i = 0; i < chunks; i++) await appendChunk(tx, lane, 0, chunkOf(at));
  });
const appendManyFacts = () =>
  transact(db, (tx) =>
    appendFacts(
      tx,
      lane,
      Array.from({ length: 1_000 }, (_, i) => ({
        type: 'client-edited' as const,
        client: `c${i}`,
        meta: { actor: 'test' },
        data: { name: 'x' },
      })),
      [],
    ),
  );

describe('what is stored', () => {
  test('is nothing yet in a new database', async () => {
    const { contacts, perDay } = await readStorage(db);
    expect(contacts).toEqual({ bytes: 0, days: [], oldestAt: null, bytesPerContact: null });
    expect(perDay).toEqual({ contacts: 0, facts: null });
  });

  test('is shown by day, by table, and by contact, with what the last day has added', async () => {
    const now = Date.now();
    const old = now - 5 * day;
    await append(old, 20);
    await append(now, 60);
    await appendManyFacts();
    await db`VACUUM ANALYZE event`;
    const storage = await readStorage(db);
    const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
    expect(storage.contacts.days.map((one) => one.day)).toEqual([dayOf(old), dayOf(now)]);
    expect(storage.contacts.oldestAt).toEqual(new Date(old));
    expect(storage.contacts.bytes).toBe(storage.contacts.days.reduce((sum, { bytes }) => sum + bytes, 0));
    // Six bytes each, and what rows, pages and indexes add to them.
    expect(storage.contacts.bytesPerContact).toBeGreaterThan(contactBytes);
    expect(storage.contacts.bytesPerContact).toBeLessThan(8);
    expect(storage.perDay.contacts).toBeGreaterThan(60 * count * contactBytes);
    expect(storage.perDay.contacts).toBeLessThan(60 * count * 8);
    expect(storage.perDay.facts).toBe(storage.facts.bytes);
    expect(storage.tables[0]?.name).toBe('contact_chunk');
    expect(storage.tables.map(({ name }) => name)).toContain('event');
    expect(storage.wal).toBeGreaterThan(0);
    expect(storage.total).toBeGreaterThan(storage.contacts.bytes + storage.facts.bytes);
  });

  test('facts that are older than a day are not what a day adds', async () => {
    await db`UPDATE log_minute SET minute = minute - interval '2 days'`;
    await appendManyFacts();
    await db`VACUUM (FULL, ANALYZE) event`;
    const { facts, perDay } = await readStorage(db);
    expect(perDay.facts).toBeCloseTo(facts.bytes / 2, -1);
  });

  test('is shown to a role that may not look at the write-ahead log, without it', async () => {
    const role = `reader_${Date.now()}`;
    await db`CREATE ROLE ${db(role)} IN ROLE pg_read_all_data`;
    try {
      await transact(db, async (tx) => {
        await tx`SET LOCAL ROLE ${tx(role)}`;
        expect((await readStorage(tx)).wal).toBeNull();
      });
    } finally {
      await db`DROP ROLE ${db(role)}`;
    }
  });
});
