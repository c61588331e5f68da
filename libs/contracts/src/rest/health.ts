import { z } from 'zod';
import { time, listOf, position } from './common.js';

export const rejectsSchema = z.object({
  counts: z.record(z.string(), z.number()),
  samples: z.array(
    z.object({ at: time, subject: z.string(), code: z.string(), message: z.string(), payload: z.string() }),
  ),
});
export const projectionSchema = z.object({
  name: z.string(),
  version: z.number(),
  position,
  lag: z.string(),
  state: z.enum(['running', 'failed', 'rebuilding']),
  error: z.string().nullable(),
  updatedAt: time,
  rebuild: z
    .object({ position, head: position, startedAt: time, error: z.string().nullable() })
    .nullable()
    .describe('how far the new tables are on the way to the head; the old ones serve meanwhile'),
});
export const projectionListSchema = listOf(projectionSchema);
export const projectionParams = z.object({ name: z.string().min(1).max(64) });
export const rebuildStartedSchema = z.object({ name: z.string(), state: z.literal('rebuilding') });

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
