import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { EffectiveCache } from './effective.js';
import type { ClientRow } from './read-clients.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
  await database.db`UPDATE settings_level SET values = '{"scan": {"depth": 3}}', revision = 1 WHERE scope = 'fleet'`;
  await database.db`
    INSERT INTO settings_level (scope, key, values, revision, changed_at) VALUES ('group', 'paris', '{"scan": {"depth": 4}}', 2, now())`;
});
afterAll(() => database.close());

const rowOf = (group: string, chainRevision = 0n): ClientRow => ({
  id: `in ${group}`,
  ordinal: 0,
  group,
  agentVersion: null,
  installed: {},
  ips: [],
  removed: false,
  network: 'direct',
  confirmedRevision: 0n,
  ownSettings: null,
  fleetRevision: 1n,
  chainRevision,
  revision: 1n,
  networksRevision: 0n,
  instance: null,
  instanceSince: null,
  instanceSentAt: null,
  pastInstances: null,
  copies: null,
  sequence: null,
  sequenceAt: null,
  sequenceSentAt: null,
  copied: false,
  copyHolder: null,
});

test('groups that set nothing share what is above them, however many agents name', async () => {
  const cache = new EffectiveCache();
  const rows = ['', 'a', 'b/c', 'paris', 'paris/x', 'paris/y/z'].map((group) => rowOf(group));
  for (const row of rows) await cache.refresh(database.db, [row]);
  const [fleet, a, c, paris, x, z] = rows.map((row) => cache.of(row));
  expect([fleet?.values, paris?.values]).toEqual([{ scan: { depth: 3 } }, { scan: { depth: 4 } }]);
  for (const same of [a, c]) expect(same).toBe(fleet);
  for (const same of [x, z]) expect(same).toBe(paris);
});

test('a group that nobody asks for any more is forgotten; one that is in use stays', async () => {
  let time = 0;
  const cache = new EffectiveCache(() => time);
  const [left, used] = [rowOf('left'), rowOf('used')];
  await cache.refresh(database.db, [left, used]);
  for (; time < 600_000; time += 60_000) await cache.refresh(database.db, [used]);
  expect(cache.of(used).values).toEqual({ scan: { depth: 3 } });
  expect(cache.of(left).values).toEqual({});
  await cache.refresh(database.db, [left]);
  expect(cache.of(left).values).toEqual({ scan: { depth: 3 } });
});

test('R20 a change is seen by the very next request', async () => {
  const cache = new EffectiveCache();
  await cache.refresh(database.db, [rowOf('paris')]);
  await database.db`UPDATE settings_level SET values = '{"scan": {"depth": 5}}', revision = 3 WHERE key = 'paris'`;
  await cache.refresh(database.db, [rowOf('paris', 3n)]);
  expect(cache.of(rowOf('paris')).values).toEqual({ scan: { depth: 5 } });
});
