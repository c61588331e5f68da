import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCatalogue } from './errors.js';

test('docs/errors.md lists the catalogue: every code, its status and its meaning', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\| (.+?) +\| (.+?) +\|$/gm)].map(
    ([, code, status, title, advice]) => ({ code, status: Number(status), title, hasAdvice: advice !== '' }),
  );
  const catalogue = Object.entries(errorCatalogue).map(([code, { status, title }]) => ({
    code,
    status,
    title,
    hasAdvice: true,
  }));
  expect(rows.map((row) => ({ ...row, title: row.title?.replaceAll('`', '') }))).toEqual(catalogue);
});
