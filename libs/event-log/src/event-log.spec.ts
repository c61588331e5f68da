import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NewFact } from '#contracts';
import { until } from '../../../test/helpers/conditions.js';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import {
  advanceWatermark,
  appendChunk,
  appendFacts,
  ChunkWriter,
  type Database,
  ensurePartitions,
  factsChannel,
  FencedError,
  migrate,
  readChunks,
  readFacts,
  readLane,
  takeLane,
  transact,
} from './index.js';

const lane = 0;
const fact = (client: string): NewFact => ({
  type: 'update-started',
  client,
  meta: { actor: 'agent' },
  data: { trigger: 'manual' },
});

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase({ connections: 10 });
  db = database.db;
});

afterAll(() => database.close());

describe('migrations', () => {
  test('run once, however many servers start', async () => {
    expect(await Promise.all([migrate(db), migrate(db), migrate(db)])).toEqual([[], [], []]);
  });

  test('refuse a database of a newer Reachback', async () => {
    await db`INSERT INTO migration (name) VALUES ('9999_future.sql')`;
    await expect(migrate(db)).rejects.toThrow('use a newer Reachback');
    await db`DELETE FROM migration WHERE name = '9999_future.sql'`;
  });
});

describe('facts', () => {
  test('concurrent appends get dense positions', async () => {
    const before = (await readLane(db, lane)).position;
    const appends = Array.from({ length: 40 }, (_, i) =>
      transact(db, (tx) => appendFacts(tx, lane, [fact(`c${i % 4}`), fact(`c${i % 4}`)], [])),
    );
    await Promise.all(appends);
    const facts = await readFacts(db, { lane, after: before });
    expect(facts.map((f) => f.position)).toEqual(Array.from({ length: 80 }, (_, i) => before + 1n + BigInt(i)));
  });

  test('a transaction that fails leaves no gap', async () => {
    const before = await readLane(db, lane);
    const failing = transact(db, async (tx) => {
      await appendFacts(tx, lane, [fact('x')], []);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect((await readLane(db, lane)).position).toBe(before.position);
  });

  test('of which types there are new ones is heard when they are committed, each once', async () => {
    const heard: string[] = [];
    const subscription = await db.listen(factsChannel, (types) => void heard.push(types));
    const meta = { actor: 'agent' };
    const removed: NewFact = { type: 'client-removed', client: 'c', meta, data: { cause: 'uninstalled', by: 'agent' } };
    await transact(db, (tx) => appendFacts(tx, lane, [fact('a'), removed, fact('b')], []));
    await until(() => heard.length > 0);
    await subscription.unlisten();
    expect(heard).toEqual(['update-started client-removed']);
  });

  test('inline projections commit with the facts, or not at all', async () => {
    const broken = { name: 'broken', apply: async () => Promise.reject(new Error('broken')) };
    const before = await readLane(db, lane);
    await expect(transact(db, (tx) => appendFacts(tx, lane, [fact('x')], [broken]))).rejects.toThrow('broken');
    expect(await readFacts(db, { lane, after: before.position })).toEqual([]);
  });
});

describe('lanes', () => {
  test('an owner that lost its lane is fenced, and what it wanted to append is not there', async () => {
    const first = await takeLane(db, lane);
    const { watermark, position } = await readLane(db, lane);
    const second = await takeLane(db, lane);
    const next = { ...watermark, sequence: watermark.sequence + 1n };
    const append = (term: bigint) =>
      transact(db, async (tx) => {
        await advanceWatermark(tx, lane, term, watermark, next);
        await appendFacts(tx, lane, [fact('y')], []);
      });
    await expect(append(first)).rejects.toBeInstanceOf(FencedError);
    await append(second);
    await expect(append(second)).rejects.toBeInstanceOf(FencedError);
    expect((await readLane(db, lane)).position).toBe(position + 1n);
  });
});

describe('contacts', () => {
  test('plain SQL reads every contact through the view', async () => {
    const start = Date.UTC(2026, 10, 23, 10);
    const writer = new ChunkWriter();
    for (let i = 0; i < 1000; i++) writer.add(70_000 + i, i % 2 ? 'poll' : 'heartbeat', start + i * 60);
    const chunk = writer.take();
    const first = await transact(db, async (tx) => {
      await ensurePartitions(tx, start);
      return appendChunk(tx, lane, 1, chunk);
    });
    const rows = await db<{ position: bigint; kind: string; ordinal: number; at: Date }[]>`
      SELECT position, kind, ordinal, at FROM contact WHERE ordinal >= 70000 ORDER BY position`;
    expect(rows).toHaveLength(1000);
    expect(rows[999]).toEqual({
      position: first + 999n,
      kind: 'poll',
      ordinal: 70_999,
      at: new Date(start + 999 * 60),
    });
    const stored = await readChunks(db, { lane, after: first - 1n, upTo: first, limit: 10 });
    expect(stored).toEqual([{ ...chunk, firstPosition: first }]);
  });

  test('partitions are there for days to come, and one more call changes nothing', async () => {
    const at = Date.UTC(2027, 0, 30);
    await ensurePartitions(db, at);
    await ensurePartitions(db, at);
    const rows = await db<{ name: string }[]>`
      SELECT relname AS name FROM pg_class WHERE relname LIKE 'contact_chunk_2027____' ORDER BY 1`;
    expect(rows.map((row) => row.name)).toEqual([
      'contact_chunk_20270130',
      'contact_chunk_20270131',
      'contact_chunk_20270201',
      'contact_chunk_20270202',
    ]);
  });
});
