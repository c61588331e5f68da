import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { NewFact, SettledItem, WorkItem } from '#contracts';
import { appendFacts, type Database, transact } from '#event-log';
import { catchUp, inlineProjections, workCounts } from '#projections';
import { until } from '../helpers/conditions.js';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';

/** Clients with a past, and clients without one; each as many. */
const each = 30;
/** Releases that those with a past have been sent, and have confirmed; and settings that they have been sent. */
const past = 60;

const meta = { actor: 'test' };
const old = Array.from({ length: each }, (_, i) => `old-${i}`);
const young = Array.from({ length: each }, (_, i) => `young-${i}`);

let database: TestDatabase;
let db: Database;

const append = (facts: readonly NewFact[]) => transact(db, (tx) => appendFacts(tx, 0, facts, inlineProjections));

const registered = (client: string, ordinal: number): NewFact => ({
  type: 'client-registered',
  client,
  meta,
  data: { ordinal, name: null, group: '', labels: {}, ips: [], agentVersion: null, installed: {} },
});

const published = (id: string, component: string, version: string): NewFact => ({
  type: 'release-published',
  client: null,
  meta,
  data: {
    ...{ id, component, version, url: '', sha256: '', size: 1 },
    ...{ deliverBy: null, rollout: null, within: null, target: { all: true } },
  },
});

const update = (release: string, component: string, version: string): WorkItem => ({
  ...{ kind: 'update', key: component, revision: version, release },
});
const settings = (revision: number): WorkItem => ({
  ...{ kind: 'settings', key: 'settings', revision: String(revision), release: null },
});
const applied = (item: WorkItem): SettledItem => ({ ...item, outcome: 'applied', error: null, via: 'ack' });

const deliver = (clients: readonly string[], items: readonly WorkItem[]) =>
  append(clients.map((client) => ({ type: 'work-delivered', client, meta, data: { items, request: null } })));
const settle = (clients: readonly string[], items: readonly WorkItem[]) =>
  append(clients.map((client) => ({ type: 'work-settled', client, meta, data: { items: items.map(applied) } })));

beforeAll(async () => {
  database = await openTestDatabase({ connections: 1 });
  db = database.db;
  await append([...old, ...young].map(registered));
  for (let i = 1; i <= past; i++) {
    const id = randomUUID();
    await append([published(id, 'engine', `1.${i}`)]);
    await deliver(old, [update(id, 'engine', `1.${i}`), settings(i)]);
    await settle(old, [update(id, 'engine', `1.${i}`)]);
  }
  expect(await catchUp(db, workCounts, 30_000)).toBe(true);
  await append([published(randomUUID(), 'engine', '2'), published(randomUUID(), 'rules', '1')]);
  // What was replaced is cleared away by reading only once nobody has a snapshot from before, as autovacuum may.
  await until(nobodyElseLooks);
  await db`VACUUM ANALYZE`;
});
afterAll(() => database.close());

const nobodyElseLooks = async (): Promise<boolean> => {
  const [row] = await db<{ isAlone: boolean }[]>`
    SELECT NOT EXISTS (
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()) AS "isAlone"`;
  return row?.isAlone === true;
};

/** How many pages are read for it, when it is asked the second time and its plan is made. */
const pagesFor = async (call: string): Promise<number> => {
  await db.unsafe(`SELECT ${call}`);
  const [row] = await db.unsafe<{ 'QUERY PLAN': readonly [{ Plan: Record<string, number> }] }[]>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT ${call}`,
  );
  return row?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'] ?? Number.NaN;
};

const array = (texts: readonly (string | null)[]) =>
  `ARRAY[${texts.map((text) => (text === null ? 'NULL' : `'${text}'`)).join()}]::text[]`;

describe("a client's past costs nothing any more", () => {
  test.each([
    ['when a component of which it was never sent anything is counted', 'rules'],
    ['when its settings are counted', null],
  ])('%s', async (_, component) => {
    const count = (clients: readonly string[]) =>
      pagesFor(`count_worked(${array(clients)}, ${array(clients.map(() => component))})`);
    const ofYoung = await count(young);
    expect(ofYoung).toBeGreaterThan(each);
    expect(await count(old)).toBeLessThan(1.2 * ofYoung);
  });

  test('when its queue is read', async () => {
    const read = (clients: readonly string[]) => pagesFor(`undelivered_work_of(${array(clients)})`);
    const ofYoung = await read(young);
    expect(ofYoung).toBeGreaterThan(each);
    expect(await read(old)).toBeLessThan(1.2 * ofYoung);
  });

  test('and the counts are exact', async () => {
    expect(await db`SELECT * FROM count_differences()`).toEqual([]);
  });
});
