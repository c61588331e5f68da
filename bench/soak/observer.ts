import { setTimeout as sleep } from 'node:timers/promises';
import { median, MillisecondHistogram, percentile, round } from '../statistics.js';
import type { Stack } from '../system/stack.js';
import type { Load } from './load.js';
import { killAllowance } from './ledger.js';
import type { Lives } from './life.js';
import type { Latencies, Minute } from './result.js';
import { type LagSample, type MemorySample, sampleDisk, sampleLag, sampleMemory, samplePostgres } from './watch.js';

const lagEvery = 200;
const memoryEvery = 5_000;
const minute = 60_000;

/** Looks at everything all the time, until it is told to stop. */
export class Observer {
  readonly lags: LagSample[] = [];
  readonly memory: MemorySample[] = [];
  readonly minutes: Minute[] = [];
  private readonly undisturbed = new MillisecondHistogram();
  private readonly afterKills = new MillisecondHistogram();
  private latencies: number[] = [];
  private polled = 0;
  private begun = { at: Date.now(), beats: 0, polls: 0, memory: 0, lags: 0 };
  private readonly watching: Promise<unknown>;
  private isStopping = false;

  constructor(
    private readonly stack: Stack,
    private readonly load: Load,
    private readonly lives: Lives,
    private readonly told: (minute: Minute) => void,
  ) {
    this.watching = Promise.all([
      this.every(lagEvery, async () => void this.lags.push(await sampleLag(stack))),
      this.every(memoryEvery, () => this.look()),
      this.every(minute, () => this.closeMinute()),
    ]);
    // `stop` says what went wrong.
    this.watching.catch(() => undefined);
  }

  /** Ends it; throws what went wrong while it looked. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.watching;
    await this.look();
  }

  get polls(): { readonly undisturbed: Latencies; readonly afterKills: Latencies } {
    return { undisturbed: summarize(this.undisturbed), afterKills: summarize(this.afterKills) };
  }

  /** From a kill until the log was less than a second behind, in milliseconds; 0 if it never was further behind. */
  backAfter(kill: number): number {
    const after = this.lags.filter(({ at }) => at >= kill);
    const behind = after.findIndex(({ lag }) => lag >= 1_000);
    if (behind < 0 || (after[behind]?.at ?? 0) > kill + killAllowance) return 0;
    const back = after.slice(behind).find(({ lag }) => lag < 1_000);
    return (back?.at ?? Date.now()) - kill;
  }

  private async every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    for (let due = Date.now() + milliseconds; !this.isStopping; due += milliseconds) {
      while (Date.now() < due && !this.isStopping) await sleep(Math.min(lagEvery, Math.max(due - Date.now(), 1)));
      if (!this.isStopping) await work();
    }
  }

  private async look(): Promise<void> {
    const { latencies, polls } = await this.load.agents({ type: 'report' });
    this.polled = polls;
    const lastKill = this.lives.lastKill;
    const isAfterKill = lastKill !== undefined && Date.now() < lastKill + killAllowance + memoryEvery;
    const histogram = isAfterKill ? this.afterKills : this.undisturbed;
    for (const latency of latencies) histogram.add(latency);
    this.latencies.push(...latencies);
    const { current } = this.lives;
    if (current) this.memory.push(await sampleMemory(this.stack, current));
  }

  private async closeMinute(): Promise<void> {
    const now = Date.now();
    const [{ sent }, disk, postgresMb] = await Promise.all([
      this.load.beats.report(),
      sampleDisk(this.stack),
      samplePostgres(this.stack),
      this.look(),
    ]);
    const polls = this.polled;
    const seconds = (now - this.begun.at) / 1000;
    const samples = this.memory.slice(this.begun.memory);
    const ofMemory = (part: 'server' | 'nats') => medianOrNull(samples.map((sample) => sample[part]));
    const row: Minute = {
      minute: this.minutes.length + 1,
      beatsPerSecond: round((sent - this.begun.beats) / seconds),
      pollsPerSecond: round((polls - this.begun.polls) / seconds),
      pollP50: percentile(this.latencies, 0.5),
      pollP99: percentile(this.latencies, 0.99),
      lagMax: Math.max(...this.lags.slice(this.begun.lags).map(({ lag }) => lag)),
      serverMb: ofMemory('server'),
      natsMb: ofMemory('nats'),
      postgresMb,
      diskMb: round(disk.database + disk.wal + disk.stream),
    };
    this.minutes.push(row);
    this.latencies = [];
    this.begun = { at: now, beats: sent, polls, memory: this.memory.length, lags: this.lags.length };
    this.told(row);
  }
}

const summarize = (histogram: MillisecondHistogram): Latencies => {
  const [p50 = 0, p99 = 0, max = 0] = [0.5, 0.99, 1].map((share) => histogram.percentile(share));
  return { count: histogram.total, p50, p99, max };
};

const medianOrNull = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? median(known) : null;
};
