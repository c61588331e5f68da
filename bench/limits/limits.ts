import type { Benchmark } from '../bench.js';
import { measureChunkInsertOnly } from './chunk-insert-only.js';
import { measureConsumeOnly } from './consume-only.js';
import { measureRequestReplyOnly } from './request-reply-only.js';

/** What the machine gives the two halves of intake, and the responders, each by itself. */
export const limits: Benchmark = {
  seconds: { full: 36, quick: 16 },
  run: async (bench) => {
    const consumeOnly = await measureConsumeOnly(bench);
    const chunkInsertOnly = await measureChunkInsertOnly(bench);
    const requestReplyOnly = await measureRequestReplyOnly(bench);
    bench.result.limits = { consumeOnly, chunkInsertOnly, requestReplyOnly };
  },
};
