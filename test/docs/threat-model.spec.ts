import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

type Named = { readonly file: string; readonly title: string };

/** The last cell of each row: one test or more, or nothing. */
const readTests = async (): Promise<readonly (readonly Named[])[]> => {
  const page = await readFile(join(root, 'docs/threat-model.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (threat|-+) +\|/.test(line));
  return rows.map((row) =>
    (row.split('|').at(-2) ?? '')
      .split('<br>')
      .map((cell) => cell.trim())
      .filter(Boolean)
      .map(namedIn),
  );
};

const namedIn = (cell: string): Named => {
  const [, file, title] = /^`([\w./-]+\.spec\.ts)`: (\S.{1,})$/.exec(cell) ?? [];
  if (file === undefined || title === undefined) throw new Error(`This names no test: ${cell}`);
  return { file, title };
};

/** The titles in a file of tests. */
const titlesIn = async (file: string): Promise<readonly string[]> => {
  const text = await readFile(join(root, file), 'utf8').catch(() => '');
  return [...text.matchAll(/\(\s*(['"`])((?:(?!\1).)+)\1,\s*(?:async )?\(/g)].map(([, , title = '']) => title);
};

test('every test that docs/threat-model.md names exists', async () => {
  const rows = await readTests();
  expect(rows.length).toBeGreaterThan(30);
  const missing: string[] = [];
  for (const { file, title } of rows.flat()) {
    const exists = (await titlesIn(file)).some((one) => one.includes(title));
    if (!exists) missing.push(`${file}: ${title}`);
  }
  expect(missing).toEqual([]);
});

test('threats without a test are few', async () => {
  const rows = await readTests();
  expect(rows.filter((tests) => tests.length === 0).length).toBeLessThanOrEqual(5);
});
