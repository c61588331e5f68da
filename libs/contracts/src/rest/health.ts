import { z } from 'zod';
import { time, listOf } from './common.js';

export const rejectsSchema = z.object({
  counts: z.record(z.string(), z.number()),
  samples: z.array(
    z.object({ at: time, subject: z.string(), code: z.string(), message: z.string(), payload: z.string() }),
  ),
});
export const projectionListSchema = listOf(
  z.object({
    name: z.string(),
    version: z.number(),
    lane: z.number(),
    position: z.string(),
    lag: z.string(),
    state: z.enum(['running', 'failed']),
    error: z.string().nullable(),
    updatedAt: time,
  }),
);

export const readinessSchema = z.object({
  status: z.enum(['ready', 'not-ready']),
  checks: z.record(z.string(), z.string()).describe('`up`, or why not'),
});
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  field: z.string().optional(),
});
