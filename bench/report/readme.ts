import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { BenchResult } from '../result.js';
import { markdownTable } from './table.js';

const marks = { begin: '<!-- begin of what was measured -->', end: '<!-- end of what was measured -->' } as const;

const readResult = async (file: string): Promise<BenchResult> =>
  JSON.parse(await readFile(file, 'utf8')) as BenchResult;

/**
 * The file of the last run in a folder that measured all there was at full size; undefined if there is none. What a soak
 * writes is no such result, and has a folder of its own.
 */
export const newestFullResult = async (folder: string): Promise<string | undefined> => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).map((name) => join(folder, name));
  const all = await Promise.all(files.map(async (file) => ({ file, result: await readResult(file) })));
  const full = all.filter(({ result }) => isFull(result));
  return full.sort((a, b) => b.result.run.startedAt.localeCompare(a.result.run.startedAt)).at(0)?.file;
};

/** `phases` is run by itself. */
const isFull = (result: BenchResult): boolean => {
  const { phases: _, run, ...measured } = result;
  return !run.quick && Object.keys(run.failed).length === 0 && !Object.values(measured).includes(null);
};

/** What is between the marks in a page. @throws if it has none */
export const measuredPart = (page: string): string => {
  const [from, to] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (from < 0 || to < from) throw new Error(`The page has no ${marks.begin} … ${marks.end}`);
  return page.slice(from + marks.begin.length, to).trim();
};

/** The page with a result's table between the marks, formatted as the rest of it. */
export const withTable = async (readme: string, file: string): Promise<string> => {
  const page = await readFile(readme, 'utf8');
  const source = `[all of it](bench/results/${basename(file)})`;
  const part = `${markdownTable(await readResult(file))}\n\nThe file of it: ${source}.`;
  const text = page.replace(measuredPart(page), () => part);
  return format(text, { ...(await resolveConfig(readme)), parser: 'markdown' });
};

/** Puts a result's table into a page. */
export const writeTable = async (readme: string, file: string): Promise<void> =>
  writeFile(readme, await withTable(readme, file));
