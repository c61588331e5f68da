import { jetstreamManager } from '@nats-io/jetstream';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { contactStream } from '#contracts';
import { readLane } from '#event-log';
import { lane } from '../fleet/seed.js';
import { seedFleet } from '../fleet/fleet.js';
import { countOffline } from '../recovery/recovery.js';
import type { Progress } from '../report/progress.js';
import type { Program } from '../system/program.js';
import { startStack, type Stack } from '../system/stack.js';
import { Administrator, shortDeadline } from './administrator.js';
import type { AgentState } from './book.js';
import { balanceBeats, balancePolls, readLedger } from './ledger.js';
import { Lives } from './life.js';
import { type Load, startLoad } from './load.js';
import { memberOf, soakPrefix } from './members.js';
import { Observer } from './observer.js';
import type { SoakOptions } from './options.js';
import { compareQueues } from './queues.js';
import type { Books, Minute, Policy } from './result.js';
import { sampleDisk } from './watch.js';

/** What happened, before it is judged. */
export type Soaked = Awaited<ReturnType<typeof soak>>;

/**
 * A policy under which nobody falls silent: each client beats once in the time that all of them take in turn, and is
 * missed after four times as long; polls likewise.
 */
const policyOf = ({ clients, beats, polls }: SoakOptions): Policy => {
  const interval = Math.max(1, Math.ceil(clients / beats));
  return {
    heartbeat: `PT${interval}S`,
    poll: `PT${Math.max(3 * interval, Math.ceil(clients / polls))}S`,
    offlineAfter: `PT${Math.max(30, 4 * interval)}S`,
  };
};

/** Does everything that the options say, and then compares. */
export const soak = async (options: SoakOptions, program: Program, progress: Progress) => {
  const { cleanup, signal } = program;
  progress.begin('start', startSeconds(options));
  const stack = await startStack(cleanup, progress.say);
  await seedFleet(stack.db, { prefix: soakPrefix, count: options.clients, member: memberOf }, progress.say);
  const lives = await Lives.begin(cleanup, stack);
  const administrator = new Administrator(options.clients, lives.server, signal);
  const policy = policyOf(options);
  await administrator.setPolicy(policy);
  const { position } = await readLane(stack.db, lane);
  const disk = await sampleDisk(stack);
  progress.begin('soak', options.seconds);
  const load = await startLoad(cleanup, stack.broker, options);
  const startedAt = Date.now();
  const observer = new Observer(stack, load, lives, (minute) => progress.say(describe(minute)));
  await act(options, { administrator, lives, signal, progress });
  await observer.stop();
  progress.begin('compare', compareSeconds(options));
  const after = await sampleDisk(stack);
  const soaked = { stack, lives, administrator, load, policy, observer, startedAt };
  const compared = await compare(options, { ...soaked, signal, progress, after: position });
  return { ...soaked, ...compared, disk: { before: disk, after } };
};

/** About how long seeding takes, and comparing. */
export const startSeconds = ({ clients }: SoakOptions): number => 10 + Math.ceil(clients / 8_000);
export const compareSeconds = ({ clients }: SoakOptions): number => shortDeadline + 15 + Math.ceil(clients / 1_000);

type Acting = {
  readonly administrator: Administrator;
  readonly lives: Lives;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

/** The administrator's work and the kills, beside each other, until the time is over. */
const act = async (options: SoakOptions, { administrator, lives, signal, progress }: Acting): Promise<void> => {
  const start = Date.now();
  const end = start + options.seconds * 1000;
  const every = async (seconds: number, work: () => Promise<void>): Promise<void> => {
    for (let due = start + seconds * 1000; due < end; due += seconds * 1000) {
      await sleep(Math.max(0, due - Date.now()), undefined, { signal });
      await work();
    }
  };
  await Promise.all([
    every(options.settingEvery, () => administrator.changeSetting()),
    every(options.releaseEvery, () => administrator.publish()),
    every(options.killEvery, async () => {
      const { readyMs } = await lives.kill();
      progress.say(`killed the server; the next was ready after ${readyMs} ms`);
    }),
    sleep(end - start, undefined, { signal }),
  ]);
};

type Comparing = Acting & { readonly stack: Stack; readonly load: Load; readonly after: bigint };

/** Lets everything come to rest, and balances the books. */
const compare = async (options: SoakOptions, comparing: Comparing) => {
  const { stack, load, lives, administrator, signal, progress, after } = comparing;
  progress.say('waiting for the last answers');
  const polls = await quiesce(comparing);
  const beats = await load.beats.settle();
  const upTo = await untilLogged(stack, signal);
  // So that nobody falls silent while the queues are read.
  await load.beats.setRate(options.beats);
  const agents = await readAgents(stack, load);
  progress.say('comparing the log with what was sent');
  const kills = lives.kills.map(({ at }) => at);
  const ledger = await readLedger(stack.db, { clients: options.clients, after, upTo, kills });
  const wrongOffline = await countOffline(stack.db, { after, upTo, of: [soakPrefix] });
  const gaps = await countGaps(stack, upTo);
  progress.say('waiting for the last deadline to pass');
  await sleep(shortDeadline * 1000, undefined, { signal });
  const { ask } = await lives.server();
  const { book } = administrator;
  const queues = await compareQueues(ask, agents, book, (count) => progress.say(`compared ${count} queues`));
  const books: Books = {
    beats: balanceBeats(ledger, beats),
    polls: balancePolls(ledger, agents),
    ...{ gaps, wrongOffline, longestSilenceMs: ledger.longestSilence, queues },
    ...{ settingsChanged: administrator.settingsChanged, released: book.releases.length },
  };
  return { books, polls, lag: ledger.lag, contacts: ledger.contacts };
};

const restSeconds = 60;

/** No more polls, and all under way are answered and acknowledged. */
const quiesce = async ({ load, signal }: Comparing) => {
  await load.agents({ type: 'rate', perSecond: 0 });
  for (const deadline = Date.now() + restSeconds * 1000; ;) {
    const report = await load.agents({ type: 'report' });
    if (report.open === 0) return report;
    if (Date.now() > deadline) {
      return { ...report, errors: [...report.errors, `nothing, ${report.open} times, after ${restSeconds} s`] };
    }
    await sleep(100, undefined, { signal });
  }
};

/** Waits until what the broker has stored by now is in the log; the position that it reaches. */
const untilLogged = async ({ db, nats }: Stack, signal: AbortSignal): Promise<bigint> => {
  const { state } = await (await jetstreamManager(nats)).streams.info(contactStream.name);
  for (const deadline = Date.now() + restSeconds * 1000; ;) {
    const { position, watermark } = await readLane(db, lane);
    // What is not there by the deadline is lost in the books.
    if (watermark.sequence >= state.last_seq || Date.now() > deadline) return position;
    await sleep(50, undefined, { signal });
  }
};

const readAgents = async ({ folder }: Stack, { agents }: Load): Promise<readonly AgentState[]> => {
  const file = join(folder, 'agents.json');
  await agents({ type: 'save', file });
  return JSON.parse(await readFile(file, 'utf8')) as AgentState[];
};

const countGaps = async ({ db }: Stack, upTo: bigint): Promise<number> => {
  const [row] = await db<{ gaps: number }[]>`
    SELECT (${upTo}::bigint - (SELECT count(*) FROM event WHERE position <= ${upTo})
      - (SELECT sum(count) FROM contact_chunk WHERE first_position <= ${upTo}))::float8 AS gaps`;
  return row?.gaps ?? Number.NaN;
};

const describe = (minute: Minute): string =>
  `${minute.beatsPerSecond} beats/s, ${minute.pollsPerSecond} polls/s (p50 ${minute.pollP50}, p99 ${minute.pollP99} ms), ` +
  `lag at most ${minute.lagMax} ms; MB: server ${minute.serverMb ?? '?'}, NATS ${minute.natsMb ?? '?'}, ` +
  `Postgres ${minute.postgresMb ?? '?'}, disk ${minute.diskMb}`;
