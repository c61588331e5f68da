import type { Benchmark } from '../bench.js';
import { measureChunkInsertOnly } from './chunk-insert-only.js';
import { measureConsumeOnly } from './consume-only.js';

/** What the machine gives the two halves of intake, each by itself. */
export const limits: Benchmark = {
  seconds: { full: 25, quick: 12 },
  run: async (bench) => {
    const consumeOnly = await measureConsumeOnly(bench);
    bench.result.limits = { consumeOnly, chunkInsertOnly: await measureChunkInsertOnly(bench) };
  },
};
