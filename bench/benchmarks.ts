import { baseline } from './baseline/baseline.js';
import type { Benchmark } from './bench.js';
import { heartbeats } from './heartbeats/heartbeats.js';
import { limits } from './limits/limits.js';
import type { BenchmarkName } from './options.js';
import { polls } from './polls/polls.js';

/** Every benchmark by its name. */
export const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  limits,
  baseline,
  heartbeats,
  polls,
};
