import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { readReadiness } from '#admin-api';
import { createLanes, subjects } from '#contracts';
import { startTestNats, type TestServer } from '#embedded';
import type { IntakeState } from '#intake';
import type { BrokerLink } from '#metrics';
import { openTestDatabase, type TestDatabase } from '../../../test/helpers/database.js';
import { checkIntake } from './ingest/check-intake.js';
import { checksOf, type Parts } from './readiness.js';

let database: TestDatabase;
let server: TestServer;
let nats: NatsConnection;
let broker: BrokerLink;
beforeAll(async () => {
  [database, server] = await Promise.all([openTestDatabase(), startTestNats()]);
  nats = await connect({ servers: server.url });
  broker = { nats, isConnected: () => true, disconnects: () => 0, reconnects: () => 0 };
});
afterAll(async () => {
  await nats.close();
  await Promise.all([database.close(), server.stop()]);
});

const lanes = createLanes(2);
const parts = (more: Partial<Parts> = {}): Parts => ({
  db: database.db,
  lanes,
  broker,
  isOpen: false,
  intake: undefined,
  isResponding: false,
  ...more,
});
const intakeIn = async (...states: readonly IntakeState[]) => {
  const intake = () => checkIntake({ states: new Map(states.map((state, lane) => [lane, state])), broker, lanes });
  return (await readReadiness(checksOf(new Set(['ingest']), parts({ intake })))).checks['intake'];
};

const owning = (lag: number): IntakeState => ({
  name: 'owning',
  term: 1n,
  lagSeconds: () => lag,
  backlog: () => 0,
  countStatuses: () => ({ Online: 0, Offline: 0, 'Unreachable/Online': 0, 'Unreachable/Offline': 0 }),
});
const recovering = (at: bigint): IntakeState => ({
  name: 'recovering',
  progress: { since: Date.now() - 10_000, from: 100n, at, to: 500n, facts: 20, contacts: 80 },
});

test('a recovery says how far it is, and how long it takes yet', async () => {
  const check = await intakeIn(recovering(200n));
  expect(check).toMatchObject({ state: 'recovering', recovery: { replayed: 100, of: 400, facts: 20, contacts: 80 } });
  expect(check?.recovery?.etaSeconds).toBeGreaterThanOrEqual(30);
  expect(check?.recovery?.etaSeconds).toBeLessThan(40);
  expect(check?.detail).toMatch(
    /^Lane 0 is recovering: 100 of 400 positions of the log are replayed; about 3\d s to go\.$/,
  );
});

test('of one that has replayed nothing yet, nobody can say', async () => {
  expect((await intakeIn(recovering(100n)))?.recovery?.etaSeconds).toBeNull();
});

test('an owner is up as long as it keeps up', async () => {
  expect(await intakeIn(owning(29))).toMatchObject({ state: 'up' });
  expect(await intakeIn(owning(31))).toEqual({ state: 'behind', detail: 'Lane 0 is 31 s behind the broker.' });
});

test('an owner that has lost the broker is not up, whatever the server has', async () => {
  const lost = { ...broker, isConnected: () => false };
  const intake = () => checkIntake({ states: new Map([[0, owning(0)]]), broker: lost, lanes });
  const { status, detail, checks } = await readReadiness(checksOf(new Set(['ingest']), parts({ intake })));
  expect(checks).toMatchObject({ broker: { state: 'up' }, intake: { state: 'away' } });
  expect(status).toBe('not-ready');
  expect(detail).toContain('The intake has lost its connection to the broker.');
});

test('a database without room is waited for', async () => {
  const check = await intakeIn(owning(0), { name: 'disk_full' });
  expect(check).toEqual({
    state: 'disk_full',
    detail: 'Lane 1 waits: the database has no room left on its disk.',
  });
});

test('one lane that does not work is enough', async () => {
  expect(await intakeIn(owning(0), recovering(200n))).toMatchObject({ state: 'recovering' });
  expect(await intakeIn(owning(0), { name: 'standing-by' })).toMatchObject({ state: 'up' });
  expect(await intakeIn({ name: 'starting' }, owning(0))).toMatchObject({ state: 'starting' });
});

test('who has no lane stands by as long as all have owners that answer', async () => {
  expect(await intakeIn({ name: 'standing-by' })).toMatchObject({ state: 'starting' });
  const answer = JSON.stringify({ lagSeconds: 0, perSecond: 0, clients: [] });
  const subscriptions = [0, 1].map((lane) =>
    nats.subscribe(subjects.presence(lane), { callback: (_, message) => void message.respond(answer) }),
  );
  await nats.flush();
  expect(await intakeIn({ name: 'standing-by' })).toMatchObject({ state: 'standing-by' });
  for (const subscription of subscriptions) subscription.unsubscribe();
});

test('a database whose tables are not there yet is no database yet', async () => {
  const { status, checks } = await readReadiness(checksOf(new Set(['project']), parts({ lanes: undefined })));
  expect(status).toBe('not-ready');
  expect(checks['database']).toMatchObject({ state: 'starting' });
});

test('a check that never answers, or fails, is about something that is away; it does not say what the error was', async () => {
  const readiness = await readReadiness({
    silent: () => new Promise(() => undefined),
    failing: () => Promise.reject(new Error('postgres://user:secret@host')),
  });
  expect(readiness).toEqual({
    status: 'not-ready',
    detail: 'The silent does not answer. The failing does not answer.',
    checks: {
      silent: { state: 'away', detail: 'The silent does not answer.' },
      failing: { state: 'away', detail: 'The failing does not answer.' },
    },
  });
});
