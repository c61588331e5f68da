import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { drizzle } from 'drizzle-orm/postgres-js';
import { clientListQuery, clientSorts } from '#contracts';
import { type Database, openDatabase } from '#event-log';
import { expectOf } from '../../libs/admin-api/src/clients/list/expect.js';
import { filtersOf } from '../../libs/admin-api/src/clients/list/filters.js';
import { selectPage } from '../../libs/admin-api/src/clients/list/page.js';
import { toSort } from '../../libs/admin-api/src/clients/list/query.js';
import { countList } from '../../libs/admin-api/src/clients/list/total.js';
import type { TestDatabase } from '../helpers/database.js';
import { openSeededDatabase } from './seed.js';
import { type Condition, slowPage, slowTotal, writeDown } from './slow.js';

/** What is asked for, and what it means. */
const filters: readonly (readonly [query: Record<string, string | string[]>, means: Condition])[] = [
  [{ undelivered: 'true' }, 'lacks'],
  [{ undelivered: 'false' }, 'NOT lacks'],
  [{ undelivered: 'true', status: 'Unreachable/Offline' }, `lacks AND status = 'Unreachable/Offline'`],
  [{ undelivered: 'true', group: 'site-39' }, `lacks AND grp LIKE 'site-39%'`],
  [{ undelivered: 'true', label: 'os:linux', q: 'PC' }, `lacks AND labels->>'os' = 'linux'`],
  [{ undelivered: 'false', status: 'Offline' }, `NOT lacks AND status = 'Offline'`],
  [{ undelivered: 'true', q: '0007' }, `lacks AND names LIKE '%0007%'`],
  [{ q: 'A1' }, `names LIKE '%a1%'`],
  [{ q: 'z' }, `names LIKE '%z%'`],
  [{ q: "x'\\_%" }, 'false'],
  [{ q: '-0', network: 'nat-3' }, `names LIKE '%-0%' AND net = 'nat-3'`],
  [{ q: 'pc', status: 'Offline' }, `status = 'Offline'`],
  [{ q: 'a1b', label: ['os:linux', 'rare:yes'] }, `names LIKE '%a1b%' AND labels @> '{"os":"linux","rare":"yes"}'`],
  [{ label: 'rare:yes', status: 'Online' }, `labels->>'rare' = 'yes' AND status = 'Online'`],
  [{ group: 'site-3', status: 'Unreachable/Online' }, `grp LIKE 'site-3/%' AND status = 'Unreachable/Online'`],
  [{ group: 'site-7' }, `grp LIKE 'site-7/%'`],
  [
    { group: 'site-7', label: 'os:linux', status: 'Online' },
    `grp LIKE 'site-7/%' AND labels->>'os' = 'linux' AND status = 'Online'`,
  ],
  [{ group: 'site-11' }, `grp LIKE 'site-11/%'`],
  [{ status: 'Online', network: 'nat-3' }, 'false'],
  [{ network: 'unreachable' }, `status LIKE 'U%'`],
];
const byWork = filters.filter(([given]) => 'undelivered' in given);
const pageSize = 40;
const begins = [undefined, 'pc-031234'] as const;
/** Every order of every filter from one of the two, in turns; `npm run test:nightly` from both. */
const isWhole = process.env['REACHBACK_LISTS'] === 'all';

describe('a page of clients', () => {
  let database: TestDatabase;
  let db: Database;
  let client: Database;
  let tables: Parameters<typeof selectPage>[0];

  beforeAll(async () => {
    database = await openSeededDatabase();
    db = database.db;
    // More groups than are read one by one.
    await db`INSERT INTO group_node (path, chain_revision) SELECT 'site-7/empty-' || i, 0 FROM generate_series(1, 100) i`;
    // And some that are, each with clients who are neighbours by id.
    await db`INSERT INTO group_node (path, chain_revision) SELECT 'site-11/room-' || i, 0 FROM generate_series(1, 10) i`;
    const room = db`'site-11/room-' || 1 + ordinal / 40 % 10`;
    await db`UPDATE client SET group_path = ${room} WHERE ordinal BETWEEN 11000 AND 11399`;
    await db`
      UPDATE presence p SET group_path = c.group_path FROM client c
      WHERE c.id = p.client_id AND c.ordinal BETWEEN 11000 AND 11399`;
    await db`SELECT rebuild_counts()`;
    client = openDatabase({ url: database.url });
    tables = drizzle(client);
  }, 240_000);
  afterAll(async () => {
    await client.end();
    await database.close();
  });

  /** The next so many, over as many pages as it takes: a page may end early. */
  const take = async (query: ReturnType<typeof clientListQuery.parse>, from: string | undefined, sort: string) => {
    const order = toSort(query.sort);
    let after = from === undefined ? undefined : await slowPlace(from, order.sort);
    const ids: string[] = [];
    const totals: number[] = [];
    while (ids.length < pageSize) {
      const search = { ...order, after, count: pageSize - ids.length };
      const found = await selectPage(tables, filtersOf(query), search, () => expectOf({ db, tables }, query));
      ids.push(...found.places.map(({ id }) => id));
      if (found.total !== undefined) totals.push(found.total);
      after = found.places.length === search.count ? undefined : found.end;
      if (!after) break;
    }
    return { page: { sort, from, ids }, totals };
  };

  const slowPlace = async (id: string, sort: string) => {
    const [row] = await db<{ place: string }[]>`
      SELECT CASE ${sort} WHEN 'id' THEN c.id WHEN 'name' THEN c.list_name WHEN 'status' THEN p.status ELSE
        to_char((CASE ${sort} WHEN 'since' THEN p.since ELSE c.registered_at END) AT TIME ZONE 'UTC',
          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS place
      FROM client c JOIN presence p ON p.client_id = c.id WHERE c.id = ${id}`;
    return { id, sortedBy: row?.place ?? '' };
  };

  const check = async (which: typeof filters) => {
    await writeDown(db);
    let collected = 0;
    for (const [place, [given, means]] of which.entries()) {
      const slow = await slowTotal(db, means);
      for (const [turn, sort] of clientSorts.flatMap((one) => [one, `-${one}`]).entries()) {
        const query = clientListQuery.parse({ ...given, sort });
        for (const from of isWhole ? begins : [begins[(place + (turn >> 1)) % 2]]) {
          const ids = await slowPage(db, means, { ...toSort(query.sort), from, count: pageSize });
          const { page, totals } = await take(query, from, sort);
          expect([given, page, totals]).toEqual([given, { sort, from, ids }, totals.map(() => slow)]);
          collected += totals.length;
        }
      }
      const query = clientListQuery.parse(given);
      const total = await countList(tables, filtersOf(query), await expectOf({ db, tables }, query), true);
      expect([given, total]).toEqual([given, slow]);
    }
    return collected;
  };

  const settle = async (lacking: string) => {
    const revision = `CASE WHEN ${lacking} THEN 7 ELSE 0 END`;
    const installed = `'{"scan-engine": "2"}'::jsonb`;
    await db.unsafe(`UPDATE client SET installed = ${installed}, settings_revision = ${revision}
      WHERE (installed, settings_revision) IS DISTINCT FROM (${installed}, ${revision})`);
    await db`SELECT rebuild_counts()`;
    await db.unsafe('VACUUM ANALYZE');
  };

  test('is what a scan finds, and `total` their number, where nearly all lack something', async () => {
    const collected = await check(filters);
    expect(collected).toBeGreaterThan(0);
  }, 600_000);

  test('likewise by what is undelivered, where few lack something', async () => {
    await settle('ordinal % 4000 = 7');
    await check(byWork);
  }, 600_000);

  test('likewise where many do, who lie close together', async () => {
    await settle('ordinal BETWEEN 30000 AND 37000');
    await check(byWork);
  }, 600_000);
});
