import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NewFact } from '#contracts';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { appendFacts } from './append.js';
import type { Database } from './database.js';
import { readHead } from './head.js';
import { isChanged, lockUnchanged } from './lock-unchanged.js';
import { readFacts } from './read-facts.js';
import { send, transact } from './transact.js';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

const meta = { actor: 'test' };
const delivered = (client: string): NewFact => ({
  type: 'work-delivered',
  client,
  meta,
  data: { items: [{ kind: 'settings', key: 'settings', revision: '1', release: null }], request: null },
});
const settings: NewFact = {
  type: 'settings-changed',
  client: null,
  meta,
  data: { level: { scope: 'fleet' }, patch: {}, values: {} },
};
const status = (client: string): NewFact => ({
  type: 'client-status-changed',
  client,
  meta,
  data: { at: new Date().toISOString(), status: 'Online', cause: 'poll', network: 'direct', networkName: null },
});

const append = (fact: NewFact) => transact(db, (tx) => appendFacts(tx, 0, [fact], []));

/** Appends a delivery to `a` that was composed at `since`. */
const deliver = (since: bigint, deadline: string | null = null) =>
  transact(db, async (tx) => {
    lockUnchanged(tx, { since, clients: ['a'], deadline });
    return appendFacts(tx, 0, [delivered('a')], []);
  });

/** Whether that was refused, because of what came in between; then nothing of it is in the log. */
const isRefusedAfter = async (between: NewFact): Promise<boolean> => {
  const since = await readHead(db);
  const [{ position } = { position: 0n }] = await append(between);
  const refused = await deliver(since).then(() => false, isChanged);
  expect(await readFacts(db, { after: position })).toHaveLength(refused ? 0 : 1);
  return refused;
};

describe('what was composed without the log’s lock', () => {
  test('is appended at the head if nothing has come in between', async () => {
    const since = await readHead(db);
    const [fact] = await deliver(since);
    expect(fact?.position).toBe(since + 1n);
    expect(await readFacts(db, { after: since })).toEqual([fact]);
  });

  test('G4: is refused if a fact of the fleet has come in between', async () => {
    expect(await isRefusedAfter(settings)).toBe(true);
  });

  test('G7: is refused if a fact of the client has come in between', async () => {
    expect(await isRefusedAfter(delivered('a'))).toBe(true);
  });

  test('is appended after what others were sent, and after a change of status', async () => {
    expect(await isRefusedAfter(delivered('b'))).toBe(false);
    expect(await isRefusedAfter(status('a'))).toBe(false);
  });

  test('G5: is refused after its deadline', async () => {
    const since = await readHead(db);
    const from = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
    await deliver(since, from(600_000));
    await expect(deliver(await readHead(db), from(-1)).catch((error) => isChanged(error))).resolves.toBe(true);
  });
});

test('what is sent and fails makes all of its transaction fail, with its error', async () => {
  const since = await readHead(db);
  const failing = transact(db, async (tx) => {
    await appendFacts(tx, 0, [settings], []);
    send(tx)`INSERT INTO event (position) VALUES (1)`;
    await appendFacts(tx, 0, [settings], []);
  });
  await expect(failing).rejects.toMatchObject({ code: '23502' });
  expect(await readHead(db)).toBe(since);
  expect(await append(settings)).toMatchObject([{ position: since + 1n }]);
});
