import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Cause, type FactOf, type Status, statuses } from '#contracts';
import { type Database, transact } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../../../../test/helpers/database.js';
import { countFleet, firstSeen, statusAt } from '../read-history.js';
import { history } from './history.js';

type Change = { readonly client: string; readonly at: number; readonly status: Status; readonly cause: Cause };

const start = Date.parse('2026-11-23T22:30:00.000Z');
const minute = 60_000;

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
const clear = () => db`TRUNCATE status_history, fleet_delta`;
beforeEach(clear);

const toFact = ({ client, at, status, cause }: Change, position: number): FactOf<'client-status-changed'> => ({
  type: 'client-status-changed',
  client,
  meta: { actor: 'system' },
  data: { at: new Date(at).toISOString(), status, cause, network: 'direct', networkName: null },
  lane: 0,
  position: BigInt(position + 1),
  id: '',
  recordedAt: new Date(at),
});

/** Applies changes in their order, in batches of these sizes in turn. */
const apply = async (changes: readonly Change[], sizes: readonly number[]): Promise<void> => {
  const facts = changes.map(toFact);
  for (let i = 0, batch = 0; i < facts.length; batch++) {
    const size = sizes[batch % sizes.length] ?? 1;
    const part = facts.slice(i, i + size);
    await transact(db, (tx) => history.apply(part, tx));
    i += size;
  }
};

/** What is true: of all that has been said to hold from a time up to `at`, the last word. */
const lastWord = (changes: readonly Change[], client: string, at: number): Change | undefined =>
  changes.findLast((change) => change.client === client && change.at <= at);

const clientsOf = (changes: readonly Change[]) => [...new Set(changes.map(({ client }) => client))];

const countByHand = (changes: readonly Change[], at: number) => {
  const byStatus = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
  for (const client of clientsOf(changes)) {
    const last = lastWord(changes, client, at);
    if (last && last.cause !== 'uninstalled' && last.cause !== 'inactive') byStatus[last.status]++;
  }
  return { at: new Date(at), total: Object.values(byStatus).reduce((sum, clients) => sum + clients, 0), byStatus };
};

/** Times on and around boundaries of minutes and hours, in no order; some clients leave and come back. */
const change = fc.record<Change>({
  client: fc.constantFrom('a', 'b', 'c', 'd'),
  at: fc
    .tuple(fc.nat({ max: 180 }), fc.constantFrom(-1, 0, 1, 29_999))
    .map(([minutes, offset]) => start + minutes * minute + offset),
  status: fc.constantFrom(...statuses),
  cause: fc.constantFrom<Cause[]>('heartbeat', 'silence', 'registered', 'uninstalled', 'inactive'),
});

describe('the history', () => {
  test('G2 any times in any order: each client, and the fleet, are as the last word says at every time', async () => {
    const batches = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 30 }), batches, async (changes, sizes) => {
        await clear();
        await apply(changes, sizes);
        const times = [start - 2, ...changes.flatMap(({ at }) => [at - 1, at, at + 1]), start + 999 * minute];
        times.sort((a, b) => a - b);
        expect(
          await countFleet(
            db,
            times.map((at) => new Date(at)),
          ),
        ).toEqual(times.map((at) => countByHand(changes, at)));
        for (const client of clientsOf(changes)) {
          for (const { at } of changes) {
            const last = lastWord(changes, client, at);
            const known = await statusAt(db, client, new Date(at));
            expect(known).toEqual(last && { status: last.status, cause: last.cause, since: new Date(last.at) });
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('G2 silence that is recorded after a contact, with the time of its deadline, overtakes it', async () => {
    const at = (seconds: number) => start + seconds * 1_000;
    await apply(
      [
        { client: 'a', at: at(0), status: 'Online', cause: 'registered' },
        { client: 'a', at: at(25), status: 'Unreachable/Online', cause: 'network-changed' },
        { client: 'a', at: at(20), status: 'Unreachable/Offline', cause: 'silence' },
      ],
      [1],
    );
    expect(await statusAt(db, 'a', new Date(at(19)))).toMatchObject({ status: 'Online' });
    expect(await statusAt(db, 'a', new Date(at(20)))).toMatchObject({ status: 'Unreachable/Offline' });
    expect(await statusAt(db, 'a', new Date(at(30)))).toMatchObject({ cause: 'silence', since: new Date(at(20)) });
    expect(await firstSeen(db, 'a')).toEqual(new Date(start));
    const [now] = await countFleet(db, [new Date(at(30))]);
    expect(now).toMatchObject({ total: 1, byStatus: { 'Unreachable/Offline': 1, 'Unreachable/Online': 0 } });
  });

  test('G2 the fleet at a time is read by indexes, whatever the number of clients', async () => {
    const changes = Array.from({ length: 20_000 }, (_, i): Change => ({
      client: `c${i}`,
      at: start + i * 1_000,
      status: 'Online',
      cause: 'registered',
    }));
    await apply(changes, [5_000]);
    await db`ANALYZE`;
    const time = new Date(start + 9_999 * 1_000);
    const [counted] = await countFleet(db, [time]);
    expect(counted?.total).toBe(10_000);
    const plan = await db<{ 'QUERY PLAN': string }[]>`
      EXPLAIN SELECT count(*) FROM status_history WHERE at >= date_trunc('minute', ${time}::timestamptz) AND at <= ${time}`;
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('status_history_at_idx');
    const [rows] = await db<{ hours: number }[]>`
      SELECT count(*)::integer AS hours FROM fleet_delta WHERE span = 'hour'`;
    expect(rows?.hours).toBe(7);
  });
});
