import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { messageOf } from '#embedded';
import { Bench } from './bench.js';
import { benchmarks } from './benchmarks.js';
import { type BenchmarkName, type BenchOptions, readOptions } from './options.js';
import { Progress } from './report/progress.js';
import { writeTable } from './report/readme.js';
import { formatTable } from './report/table.js';
import { type BenchResult, emptyResult } from './result.js';
import { describeMachine } from './system/machine.js';
import { type Program, runProgram } from './system/program.js';
import { startStack } from './system/stack.js';

const readme = fileURLToPath(new URL('../../README.md', import.meta.url));

/** Longest run, in seconds; whatever is missing then stays null. */
const limits = { full: 3_600, quick: 172 } as const;
/** Seconds to start broker and database; and to seed a fleet and start its server, by a hundred thousand clients. */
const startSeconds = 5;
const seedSeconds = 12;

const runAll = async (options: BenchOptions, { cleanup, signal }: Program): Promise<BenchResult> => {
  const started = performance.now();
  const startedAt = new Date().toISOString();
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 100) / 100;
  const kind = options.quick ? 'quick' : 'full';
  const secondsOf = (name: BenchmarkName) =>
    benchmarks[name].seconds[kind] + (benchmarks[name].hasWindow ? options.window : 0);
  const seeding = Math.ceil((seedSeconds * options.clients) / 100_000);
  const progress = new Progress(
    options.only.map(secondsOf).reduce((sum, seconds) => sum + seconds, startSeconds + seeding),
  );
  cleanup.add(async () => progress.end());
  progress.begin('start', startSeconds);
  const stack = await startStack(cleanup, progress.say, { access: options.access });
  const run = {
    startedAt,
    quick: options.quick,
    clients: options.clients,
    access: options.access,
    loadBefore,
    seconds: null,
    failed: {},
  };
  const result = emptyResult(await describeMachine(stack), run);
  const bench = new Bench(options, stack, cleanup, progress, result, signal);
  const most = options.quick ? limits.quick : limits.full + options.window;
  const left = () => most - (performance.now() - started) / 1000;
  for (const name of options.only) {
    if (left() < secondsOf(name)) {
      result.run.failed[name] = 'there was no time left for it';
      continue;
    }
    progress.begin(name, secondsOf(name));
    await withinSeconds(left(), benchmarks[name].run(bench)).catch((error: unknown) => {
      if (signal.aborted) throw error;
      result.run.failed[name] = messageOf(error);
      progress.say(`failed: ${messageOf(error)}`);
    });
  }
  progress.end();
  result.run.seconds = Math.round((performance.now() - started) / 1000);
  return result;
};

/** What takes longer goes on in vain until the clean-up ends what it works with. */
const withinSeconds = async (seconds: number, work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the time of the run was over')), seconds * 1000);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
};

void runProgram(async (program) => {
  const options = readOptions(process.argv);
  if (options.table !== undefined) {
    await writeTable(readme, options.table);
    console.log(`${readme} shows ${options.table}`);
    return 0;
  }
  const result = await runAll(options, program);
  console.log(`\n${formatTable(result)}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
  return Object.keys(result.run.failed).length > 0 ? 1 : 0;
});
