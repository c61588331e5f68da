import { access } from './access/access.js';
import { baseline } from './baseline/baseline.js';
import type { Benchmark } from './bench.js';
import { heartbeats } from './heartbeats/heartbeats.js';
import { limits } from './limits/limits.js';
import { lists } from './lists/lists.js';
import type { BenchmarkName } from './options.js';
import { offline } from './offline/offline.js';
import { pending } from './pending/pending.js';
import { phases } from './phases/phases.js';
import { polls } from './polls/polls.js';
import { publish } from './publish/publish.js';
import { rebuild } from './rebuild/rebuild.js';
import { reclassify } from './reclassify/reclassify.js';
import { recovery } from './recovery/recovery.js';
import { startup } from './startup/startup.js';
import { storm } from './storm/storm.js';
import { sustained } from './sustained/sustained.js';

/** Every benchmark by its name. */
export const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  phases,
  limits,
  baseline,
  heartbeats,
  sustained,
  polls,
  offline,
  storm,
  recovery,
  publish,
  pending,
  lists,
  reclassify,
  startup,
  rebuild,
  access,
};
