import { expect, test } from '@jest/globals';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measuredPart, newestFullResult, withTable, writeTable } from './readme.js';

const root = join(import.meta.dirname, '../..');
const readme = join(root, 'README.md');
const results = join(root, 'bench/results');
const newest = await newestFullResult(results);
const quick = join(results, '2026-11-24-quick.json');

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
  await writeTable(page, quick);
  const text = await readFile(page, 'utf8');
  expect(text.startsWith('before\n')).toBe(true);
  expect(text.endsWith('after\n')).toBe(true);
  expect(measuredPart(text)).toMatch(/heartbeats into the log, sustained\s+\| +131,098\/s/);
  expect(measuredPart(text)).not.toContain('old');
  await rm(folder, { recursive: true });
});

test('a quick run, one that failed in parts, and one of some benchmarks are no full result; of two full ones the newer is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-results-'));
  await cp(quick, join(folder, 'quick.json'));
  const result = JSON.parse(await readFile(quick, 'utf8')) as { run: object };
  const save = (name: string, run: object, rest: object = {}) =>
    writeFile(join(folder, name), JSON.stringify({ ...result, ...rest, run: { ...result.run, quick: false, ...run } }));
  await save('failed.json', { failed: { polls: 'it failed' } });
  await save('some.json', {}, { polls: null });
  expect(await newestFullResult(folder)).toBeUndefined();
  await save('newer.json', { startedAt: '2026-12-02T00:00:00.000Z' });
  await save('older.json', { startedAt: '2026-12-01T00:00:00.000Z' });
  expect(await newestFullResult(folder)).toBe(join(folder, 'newer.json'));
  await rm(folder, { recursive: true });
});
