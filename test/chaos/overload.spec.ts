import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Database, lockLog, openDatabase, transact } from '#event-log';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
let log: LogReader;
let db: Database;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  db = openDatabase({ url: system.databaseUrl });
  await system.request('early', 'register', {});
});
afterAll(async () => {
  await Promise.all([log.end(), db.end()]);
  await system.stop();
});

type Answer = { readonly error?: { readonly code: string; readonly retryAfterSeconds: number } };

/** Nobody can append: requests that change something wait, and those behind them. */
const whileNothingIsCommitted = (work: () => Promise<void>): Promise<void> =>
  transact(db, async (tx) => {
    await lockLog(tx);
    await work();
  });

test('R14, G1: who asks when others wait too long already is told at once when to come back, and was heard', async () => {
  const waiting: Promise<Answer>[] = [];
  const asked = Date.now();
  await whileNothingIsCommitted(async () => {
    const ask = (id: string) => void waiting.push(system.request<Answer>(id, 'register', {}, { timeout: 60_000 }));
    const poll = () => system.request<Answer>('early', 'poll', {}, { timeout: 1_000 });
    await until(
      async () => {
        ask(`late-${waiting.length}`);
        return poll().catch((): Answer => ({}));
      },
      ({ error }) => error?.code === 'unavailable' && error.retryAfterSeconds > 0,
    );
  });
  expect(Date.now() - asked).toBeGreaterThan(2_000);
  // Those that were taken are answered, however long it took.
  const answers = await Promise.all(waiting);
  expect(answers[0]).not.toHaveProperty('error');
  await until(
    () => log.contacts('poll'),
    (polls) => (polls.get('early') ?? 0) > 0,
  );
  const { error } = await system.request<Answer>('early', 'poll', {});
  expect(error).toBeUndefined();
}, 60_000);
