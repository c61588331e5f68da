import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from './options.js';
import { startFleet, type Fleet } from './fleet/fleet.js';
import type { Progress } from './report/progress.js';
import type { BenchResult } from './result.js';
import type { Cleanup } from './system/cleanup.js';
import type { Stack } from './system/stack.js';

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

  readonly pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, { signal: this.signal });
}

/** One benchmark; it enters what it found into the result. */
export type Benchmark = {
  /** About how long it takes, in seconds: with a million clients, and quick. */
  readonly seconds: { readonly full: number; readonly quick: number };
  readonly run: (bench: Bench) => Promise<void>;
};
