import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { appendFacts, transact } from '#event-log';
import { inlineProjections } from '#projections';
import { Scope } from '../../libs/admin-api/src/access/scope.js';
import { type Alike, readEta } from '../../libs/admin-api/src/releases/eta.js';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';

const meta = { actor: 'test' };
const hour = 3_600_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

test('G5 G10: a deadline that passes while the time of completion is worked out takes no turn away', async () => {
  const id = randomUUID();
  const now = new Date();
  const client = { ordinal: 0, name: null, group: '', labels: {}, ips: [], agentVersion: null, installed: {} };
  const release = {
    ...{ id, component: 'x', version: '1', url: '', sha256: '', size: 1, target: { all: true } as const },
    ...{ deliverBy: new Date(now.getTime() - 1).toISOString(), rollout: { over: 'PT100H' }, within: null },
  };
  await transact(database.db, (tx) =>
    appendFacts(
      tx,
      0,
      [
        { type: 'client-registered', client: 'a', meta, data: client },
        { type: 'release-published', client: null, meta, data: release },
      ],
      inlineProjections,
    ),
  );
  // As it was read before the deadline.
  const found = { state: 'pending', isOnline: true, network: 'direct', group: '', own: null, clients: 1 } as const;
  const etaOf = (lacking: readonly Alike[]) => readEta(database.db, Scope.fleet, { id, isPaused: false }, lacking, now);

  // Its place is 0.79 of the way: some 79 hours on.
  expect((await etaOf([found]))?.getTime()).toBeGreaterThan(now.getTime() + hour);
  // What is on its way has no deadline and has had its turn.
  expect(await etaOf([{ ...found, state: 'delivered' }])).toEqual(now);
});
