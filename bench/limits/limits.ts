import type { Benchmark } from '../bench.js';
import { measureChunkInsertOnly } from './chunk-insert-only.js';
import { measureConsumeOnly } from './consume-only.js';
import { measurePassThrough } from './pass-through.js';
import { measureRequestReplyOnly } from './request-reply-only.js';

/** What the machine gives the parts of intake, and the responders, each by itself. */
export const limits: Benchmark = {
  seconds: { full: 48, quick: 22 },
  run: async (bench) => {
    const consumeOnly = await measureConsumeOnly(bench);
    const passThrough = await measurePassThrough(bench);
    const chunkInsertOnly = await measureChunkInsertOnly(bench);
    const requestReplyOnly = await measureRequestReplyOnly(bench);
    bench.result.limits = { consumeOnly, passThrough, chunkInsertOnly, requestReplyOnly };
  },
};
