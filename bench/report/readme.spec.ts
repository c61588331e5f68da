import { expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, emptyResult } from '../result.js';
import { measuredPart, newestFullResult, withTable, writeTable } from './readme.js';

const root = join(import.meta.dirname, '../..');
const readme = join(root, 'README.md');
const results = join(root, 'bench/results');
const newest = await newestFullResult(results);
const machine = { cpu: 'a processor', cores: 2, memoryGb: 24, node: '20', postgres: '18', nats: '2.9' };
const run = { startedAt: '2026-11-24T00:00:00.000Z', clients: 200_000, loadBefore: 1, seconds: 145, failed: {} };
const quick: BenchResult = {
  ...emptyResult(machine, { ...run, quick: true }),
  heartbeats: {
    clients: 200_000,
    offered: 132_000,
    sustained: 131_098,
    saturated: 140_000,
    lagP50: 63,
    lagP99: 201,
    cpuMicrosPerBeat: { server: 5.9, nats: 8, postgres: 0.3 },
    bytesPerBeatInLog: 6.34,
    walBytesPerBeat: 7,
    lost: 0,
  },
};
/** Whatever was measured, something was. */
const everything = Object.fromEntries(Object.entries(quick).map(([name, value]) => [name, value ?? {}]));

const saveIn =
  (folder: string) =>
  (name: string, result: object): Promise<void> =>
    writeFile(join(folder, name), JSON.stringify(result));

// Until there is one, the README shows a quick run.
(newest === undefined ? test.skip : test)('the README shows the newest full result that is committed', async () => {
  expect(measuredPart(await readFile(readme, 'utf8'))).toBe(measuredPart(await withTable(readme, newest ?? '')));
});

test('a result goes into the page between its marks, and nothing else of it changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-readme-'));
  const page = join(folder, 'README.md');
  await writeFile(
    page,
    'before\n\n<!-- begin of what was measured -->\n\nold\n\n<!-- end of what was measured -->\n\nafter\n',
  );
  await saveIn(folder)('quick.json', quick);
  await writeTable(page, join(folder, 'quick.json'));
  const text = await readFile(page, 'utf8');
  expect(text.startsWith('before\n')).toBe(true);
  expect(text.endsWith('after\n')).toBe(true);
  expect(measuredPart(text)).toMatch(/heartbeats into the log, sustained\s+\| +131,098\/s/);
  expect(measuredPart(text)).not.toContain('old');
  await rm(folder, { recursive: true });
});

test('a quick run, one that failed in parts, and one of some benchmarks are no full result; of two full ones the newer is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-results-'));
  const save = (name: string, of: object, rest: object = {}) =>
    saveIn(folder)(name, { ...everything, run: { ...run, quick: false, ...of }, ...rest });
  await save('quick.json', { quick: true });
  await save('failed.json', { failed: { polls: 'it failed' } });
  await save('some.json', {}, { polls: null });
  expect(await newestFullResult(folder)).toBeUndefined();
  await save('newer.json', { startedAt: '2026-12-02T00:00:00.000Z' });
  await save('older.json', { startedAt: '2026-12-01T00:00:00.000Z' });
  expect(await newestFullResult(folder)).toBe(join(folder, 'newer.json'));
  await rm(folder, { recursive: true });
});
