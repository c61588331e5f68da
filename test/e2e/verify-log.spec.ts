import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { appendFacts, transact } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';

const main = join(import.meta.dirname, '../../dist/apps/verify-log/src/main.js');
let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
  const fact = {
    type: 'update-started',
    client: 'pc-1',
    meta: { actor: 'agent' },
    data: { trigger: 'manual' },
  } as const;
  await transact(database.db, (tx) => appendFacts(tx, 0, [fact, fact, fact], []));
});
afterAll(() => database.close());

/** Runs the command; its exit code, its verdict, and what it says to people. */
const verify = async (...args: readonly string[]) => {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'] } });
  let [out, said] = ['', ''];
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (said += String(data)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, verdict: out ? (JSON.parse(out) as { head?: { position: string; hash: string } }) : undefined, said };
};

test('verify-log says 0 for an intact chain, 1 and the first broken position for a broken one', async () => {
  const intact = await verify('--database', database.url);
  expect(intact).toMatchObject({ code: 0, verdict: { intact: true, facts: 3, after: '0', head: { position: '3' } } });
  const noted = `3:${intact.verdict?.head?.hash}`;
  expect(await verify('--database', database.url, '--from', '2', '--expect', noted)).toMatchObject({
    code: 0,
    verdict: { facts: 2, after: '1' },
  });
  await database.db`UPDATE event SET client_id = 'pc-2' WHERE position = 2`;
  const broken = await verify('--database', database.url);
  expect(broken).toMatchObject({ code: 1, verdict: { intact: false, position: '2' } });
  expect(broken.said).toContain('BROKEN at position 2');
});

test('verify-log says 2 where it cannot verify, and why', async () => {
  expect(await verify()).toMatchObject({ code: 2, said: expect.stringContaining('REACHBACK_DATABASE_URL') });
  expect(await verify('--database', 'postgres://127.0.0.1:1/none')).toMatchObject({ code: 2, verdict: undefined });
  expect(await verify('--database', database.url, '--expect', '3:abc')).toMatchObject({
    code: 2,
    said: expect.stringContaining('POSITION:HASH'),
  });
});
