import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { NewFact } from '#contracts';
import { appendFacts, type Database, transact, type Transaction } from '#event-log';
import { inlineProjections } from '#projections';
import { Scope } from '../../libs/admin-api/src/access/scope.js';
import { countClients } from '../../libs/admin-api/src/counts/count-clients.js';
import { countFleetNow } from '../../libs/admin-api/src/counts/count-fleet.js';
import { countGroups } from '../../libs/admin-api/src/counts/count-groups.js';
import { untilCounted } from '../../libs/admin-api/src/counts/until-counted.js';
import { readProgress } from '../../libs/admin-api/src/releases/progress.js';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';

const meta = { actor: 'test' };
const size = 1_500;

let database: TestDatabase;
let db: Database;

const append = (facts: readonly NewFact[]) => transact(db, (tx) => appendFacts(tx, 0, facts, inlineProjections));

const registered = (i: number): NewFact => ({
  type: 'client-registered',
  client: `pc-${i}`,
  meta,
  data: {
    ordinal: i,
    name: null,
    group: i % 2 === 0 ? 'paris' : 'rome',
    labels: { os: 'linux', site: String(i % 3), asset: String(i) },
    ips: [],
    agentVersion: null,
    installed: {},
  },
});

const release = { id: randomUUID(), withdrawnAt: null, pausedAt: null };

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
  for (let from = 0; from < size; from += 300)
    await append(Array.from({ length: 300 }, (_, i) => registered(from + i)));
  await append([
    {
      type: 'release-published',
      client: null,
      meta,
      data: {
        ...{ id: release.id, component: 'x', version: '1', url: '', sha256: '', size: 1, deliverBy: null },
        ...{ target: { all: true }, rollout: { over: 'PT1H' }, within: null },
      },
    },
  ]);
});
afterAll(() => database.close());

describe('cohorts', () => {
  test('a label that a thousand clients carried tells cohorts apart; an inventory number and a rare one do not', async () => {
    expect(await countClients(db, { label: ['os:linux'], undelivered: true, group: 'paris' })).toBe(size / 2);
    expect(await countClients(db, { label: ['asset:7'] })).toBeUndefined();
    expect(await countClients(db, { label: ['site:1'] })).toBeUndefined();
    // Two groups, each with and without the label that only the later ones were registered with; nobody alone.
    const [row] = await db<{ cohorts: number }[]>`SELECT count(*)::integer AS cohorts FROM cohort`;
    expect(row?.cohorts).toBeLessThanOrEqual(4);
  });

  test('a label that few carry tells cohorts apart as soon as a release targets it', async () => {
    const data = {
      ...{ component: 'y', version: '1', url: '', sha256: '', size: 1 },
      ...{ deliverBy: null, rollout: null, within: null },
    };
    const target = { labels: { site: '2' } };
    const id = randomUUID();
    await append([{ type: 'release-published', client: null, meta, data: { ...data, id, target } }]);
    expect(await countClients(db, { label: ['site:2'] })).toBe(size / 3);
    const { progress } = await readProgress(db, Scope.fleet, { ...release, id }, new Date());
    expect(progress).toMatchObject({ pending: size / 3 });
    expect(await db`SELECT * FROM count_differences()`).toEqual([]);
  });

  test('what was sent and confirmed up to a question is counted in its answer, whoever else counts', async () => {
    const item = { kind: 'update', key: 'x', revision: '1', release: release.id } as const;
    const sent = (client: string): NewFact => ({
      ...{ type: 'work-delivered', client, meta, data: { items: [item], request: null } },
    });
    const applied = { ...item, outcome: 'applied', error: null, via: 'ack' } as const;
    await append([sent('pc-1'), sent('pc-2')]);
    await append([{ type: 'work-settled', client: 'pc-2', meta, data: { items: [applied] } }]);
    await Promise.all([untilCounted({ db }), untilCounted({ db }), untilCounted({ db })]);
    const { progress } = await readProgress(db, Scope.fleet, release, new Date());
    expect(progress).toMatchObject({ pending: size - 2, delivered: 1, acknowledged: 1 });
    expect(await db`SELECT * FROM count_differences()`).toEqual([]);
  });

  test('no count looks at clients, their presence, their deliveries or the log', async () => {
    await transact(db, async (tx) => {
      const before = await scansOf(tx);
      await countFleetNow(tx, Scope.fleet);
      await countGroups(tx, Scope.fleet);
      await countClients(tx, {
        undelivered: true,
        status: 'Online',
        network: 'direct',
        group: 'paris',
        label: ['os:linux'],
      });
      await readProgress(tx, Scope.fleet, release, new Date());
      expect(await scansOf(tx)).toEqual(before);
    });
  });
});

/** How often the transaction has scanned each of the large tables, all of it or by an index. */
const scansOf = (tx: Transaction) => tx<{ table: string; all: number; index: number }[]>`
  SELECT relname AS table, seq_scan::integer AS all, coalesce(idx_scan, 0)::integer AS index
  FROM pg_stat_xact_user_tables
  WHERE relname IN ('client', 'presence', 'delivery', 'event', 'contact_chunk', 'cohort_member') ORDER BY 1`;
