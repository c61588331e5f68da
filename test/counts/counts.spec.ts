import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import type { ReleaseProgress } from '#contracts';
import { type Database, transact, type Transaction } from '#event-log';
import { Scope } from '../../libs/admin-api/src/access/scope.js';
import { countClients, type ClientFilters } from '../../libs/admin-api/src/counts/count-clients.js';
import { countFleetNow } from '../../libs/admin-api/src/counts/count-fleet.js';
import { countGroups } from '../../libs/admin-api/src/counts/count-groups.js';
import { readProgress } from '../../libs/admin-api/src/releases/progress.js';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';
import { seed } from '../properties/check.js';
import { slowEta, slowFleet, slowGroups, slowProgress, slowTotal } from './slow.js';
import { beginning, groups, statuses, step, type Step } from './steps.js';
import { Story } from './story.js';

const histories = Number(process.env['REACHBACK_COUNT_HISTORIES'] ?? 12);

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

const filters: fc.Arbitrary<ClientFilters> = fc.record(
  {
    status: fc.constantFrom(...statuses),
    network: fc.constantFrom('direct', 'unreachable', 'nat'),
    group: fc.constantFrom(...groups),
    label: fc.subarray(['os:linux', 'site:1']),
    undelivered: fc.boolean(),
  },
  { requiredKeys: [] },
);

const rolledBack = new Error('rolled back');

/** Runs in a transaction that leaves nothing behind. */
const inVain = (work: (tx: Transaction) => Promise<void>): Promise<void> =>
  transact(db, async (tx) => {
    await work(tx);
    throw rolledBack;
  }).catch((error: unknown) => {
    if (error !== rolledBack) throw error;
  });

const expectExact = async (tx: Transaction): Promise<void> => {
  expect(await tx`SELECT * FROM count_differences()`).toEqual([]);
};

/** A deadline may pass between two statements: what is counted is then what looking finds before, or after. */
const expectEqual = async <T>(count: () => Promise<T>, look: () => Promise<T>) => {
  const before = await look();
  const counted = await count();
  if (isDeepStrictEqual(counted, before)) return;
  const after = await look();
  if (!isDeepStrictEqual(counted, after)) expect(counted).toEqual(after);
};

/** What a key sees that is limited to a group. */
const paris = new Scope('paris');

const notNull = ({ targeted: _, ...progress }: ReleaseProgress): Record<string, number> =>
  Object.fromEntries(Object.entries(progress).filter(([, clients]) => clients > 0));

const expectAnswersExact = async (tx: Transaction, asked: readonly ClientFilters[]): Promise<void> => {
  await expectEqual(
    async () => (await countFleetNow(tx, Scope.fleet)).undelivered,
    () => slowFleet(tx, Scope.fleet),
  );
  await expectEqual(
    async () => (await countFleetNow(tx, paris)).undelivered,
    () => slowFleet(tx, paris),
  );
  expect((await countGroups(tx, paris)).total).toBe(await slowTotal(tx, { group: paris.group }));
  const slow = await slowGroups(tx);
  const pending = [await countGroups(tx, Scope.fleet)];
  for (let node = pending.pop(); node; node = pending.pop()) {
    const { path, byStatus, total } = node;
    const own = slow.filter((row) => row.path === path);
    expect({ path, total }).toEqual({ path, total: own.reduce((sum, { clients }) => sum + clients, 0) });
    for (const { status, clients } of own)
      expect({ path, [status]: Object.entries(byStatus).find(([name]) => name === status)?.[1] }).toEqual({
        path,
        [status]: clients,
      });
    pending.push(...node.children);
  }
  for (const one of asked) {
    if ((await countClients(tx, one)) === undefined) continue;
    await expectEqual(
      async () => [one, await countClients(tx, one)],
      async () => [one, await slowTotal(tx, one)],
    );
  }
  const releases = await tx<
    { id: string; withdrawnAt: Date | null; pausedAt: Date | null }[]
  >`SELECT id, withdrawn_at AS "withdrawnAt", paused_at AS "pausedAt" FROM release`;
  const now = new Date();
  for (const release of releases) {
    for (const scope of [Scope.fleet, paris]) {
      await expectEqual(
        async () => (await readProgress(tx, scope, release, now)).eta,
        () => slowEta(tx, scope, release.id, now),
      );
    }
    await expectEqual(
      async () => notNull((await readProgress(tx, paris, release, now)).progress),
      () => slowProgress(tx, paris, release.id),
    );
  }
};

describe('counts', () => {
  test('G10 R14 R20: whatever happens in whatever order, every count is what looking at each client gives', async () => {
    process.stdout.write(
      `${histories} histories; repeat with REACHBACK_SEED=${seed} REACHBACK_COUNT_HISTORIES=${histories}\n`,
    );
    const steps = fc.array(step, { minLength: 20, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, fc.array(filters, { minLength: 4, maxLength: 4 }), (history: readonly Step[], asked) =>
        inVain(async (tx) => {
          const story = new Story(tx);
          for (const [i, one] of [...beginning, ...history].entries()) {
            await story.tell(one);
            // After each of them in one half, and of several together in the other.
            if (i % 16 >= 8 && i % 8 !== 7) continue;
            await story.count();
            await expectExact(tx);
            if (i % 8 === 0) await expectAnswersExact(tx, asked);
          }
          await story.count();
          await expectAnswersExact(tx, asked);
          await tx`SELECT rebuild_counts()`;
          await expectExact(tx);
        }),
      ),
      { numRuns: histories, seed },
    );
  }, 300_000);
});
