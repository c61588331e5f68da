// `npm run soak`: the whole of Reachback for an hour under a fleet, an administrator and kills.
import { writeFile } from 'node:fs/promises';
import { Progress } from '../report/progress.js';
import { round } from '../statistics.js';
import { describeMachine } from '../system/machine.js';
import { runProgram } from '../system/program.js';
import { brokenPromises } from './broken.js';
import { thirdsOf } from './flatness.js';
import { readSoakOptions, type SoakOptions } from './options.js';
import { formatSoak } from './report.js';
import type { Kill, MemorySummary, SoakResult } from './result.js';
import { compareSeconds, soak, type Soaked, startSeconds } from './soak.js';

/** Of a life, for it to say anything: two minutes. */
const fewestSamples = 24;

const killsOf = ({ lives, observer, startedAt }: Soaked): readonly Kill[] =>
  lives.kills.map(({ at, readyMs, replayedContacts }) => ({
    afterSeconds: round((at - startedAt) / 1000),
    readyMs,
    backMs: observer.backAfter(at),
    replayedContacts,
  }));

const memoryOf = ({ observer, lives }: Soaked): MemorySummary => {
  const { memory } = observer;
  const known = (values: readonly (number | null)[]) => thirdsOf(values.filter((value) => value !== null));
  const ofLives = Array.from({ length: lives.kills.length + 1 }, (_, life) =>
    memory.filter((sample) => sample.life === life).map(({ server }) => server),
  )
    .filter((samples) => samples.length >= fewestSamples)
    .map(known)
    .filter((thirds) => thirds !== null);
  return {
    lives: ofLives,
    overLives: thirdsOf(ofLives.map(({ last }) => last)),
    nats: known(memory.map(({ nats }) => nats)),
    postgres: known(observer.minutes.map(({ postgresMb }) => postgresMb)),
  };
};

const resultOf = async (options: SoakOptions, soaked: Soaked, started: number): Promise<SoakResult> => {
  const { json: _, ...settings } = options;
  const { stack, observer, polls, disk, books, lag, contacts, policy } = soaked;
  const bytes = (disk.after.contactLog - disk.before.contactLog) * 2 ** 20;
  const result = {
    machine: await describeMachine(stack),
    run: {
      ...settings,
      startedAt: new Date(started).toISOString(),
      tookSeconds: round((Date.now() - started) / 1000),
      policy,
    },
    kills: killsOf(soaked),
    failedStarts: soaked.lives.failedStarts,
    lag,
    polls: {
      begun: polls.polls,
      answered: polls.answered,
      acknowledgements: polls.acknowledged,
      repeated: polls.repeated,
      ...observer.polls,
      errors: polls.errors,
    },
    memory: memoryOf(soaked),
    disk: { ...disk, bytesPerContact: round(bytes / contacts, 2) },
    books,
    minutes: observer.minutes,
  };
  return { ...result, broken: brokenPromises(result) };
};

void runProgram(async (program) => {
  const options = readSoakOptions(process.argv);
  const started = Date.now();
  const progress = new Progress(startSeconds(options) + options.seconds + compareSeconds(options));
  program.cleanup.add(async () => progress.end());
  const result = await resultOf(options, await soak(options, program, progress), started);
  progress.end();
  console.log(`\n${formatSoak(result)}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
  return result.broken.length > 0 ? 1 : 0;
});
