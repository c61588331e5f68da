import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from './options.js';
import { startFleet, type Fleet } from './fleet/fleet.js';
import type { Progress } from './report/progress.js';
import type { BenchResult } from './result.js';
import { median, round } from './statistics.js';
import type { Cleanup } from './system/cleanup.js';
import type { Stack } from './system/stack.js';

/** How often a call is timed, and for how long. */
const calls = 7;
const callSeconds = 5;

/** Enough for a p99. */
const samples = 200;

/** What every benchmark works with. */
export class Bench {
  private starting: Promise<Fleet> | undefined;

  constructor(
    readonly options: BenchOptions,
    readonly stack: Stack,
    readonly cleanup: Cleanup,
    readonly progress: Progress,
    readonly result: BenchResult,
    readonly signal: AbortSignal,
  ) {}

  /** The fleet with its server, started by the first benchmark that needs it. */
  fleet(): Promise<Fleet> {
    this.starting ??= startFleet(this);
    return this.starting;
  }

  get hasFleet(): boolean {
    return this.starting !== undefined;
  }

  /** Seconds of a full run, or fewer of a quick one. */
  seconds(full: number, quick: number): number {
    return this.options.quick ? quick : full;
  }

  /** The median time of a call in milliseconds: of several calls, or of those that fit into a few seconds. */
  readonly time = async (call: (i: number) => Promise<unknown>): Promise<number> => {
    const took: number[] = [];
    for (let sum = 0; took.length < calls && sum < callSeconds * 1000; sum += took.at(-1) ?? 0) {
      this.signal.throwIfAborted();
      const start = performance.now();
      await call(took.length + 1);
      took.push(performance.now() - start);
    }
    return round(median(took), 1);
  };

  /** How long each of many calls takes, in milliseconds: or of those that fit into some seconds. */
  readonly sample = async (call: () => Promise<unknown>): Promise<readonly number[]> => {
    const took: number[] = [];
    for (let sum = 0; took.length < samples && sum < this.seconds(10, 3) * 1000; sum += took.at(-1) ?? 0) {
      this.signal.throwIfAborted();
      const start = performance.now();
      await call();
      took.push(performance.now() - start);
    }
    return took;
  };

  readonly pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, { signal: this.signal });
}

/** One benchmark; it enters what it found into the result. */
export type Benchmark = {
  /** About how long it takes, in seconds: with a million clients, and quick. */
  readonly seconds: { readonly full: number; readonly quick: number };
  /** It takes `options.window` in addition. */
  readonly hasWindow?: true;
  readonly run: (bench: Bench) => Promise<void>;
};
