import { z } from 'zod';
import { count, time, listOf, position } from './common.js';

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
    .object({
      position,
      head: position,
      perSecond: z.number().nullable().describe('positions a second; null while it is not known'),
      eta: time.nullable().describe('when it will have come to the head; null while it is not known'),
      startedAt: time,
      error: z.string().nullable(),
    })
    .nullable()
    .describe('how far the new tables are on the way to the head; the old ones serve meanwhile'),
});
export const projectionListSchema = listOf(projectionSchema);
export const projectionParams = z.object({ name: z.string().min(1).max(64) });
export const rebuildStartedSchema = z.object({ name: z.string(), state: z.literal('rebuilding') });

/** What a part of a server may be in; it works in the first two. */
export const checkStates = ['up', 'standing-by', 'starting', 'recovering', 'behind', 'disk_full', 'away'] as const;
export type CheckState = (typeof checkStates)[number];

const recoverySchema = z.object({
  replayed: count.describe('positions of the log replayed so far'),
  of: count,
  facts: count,
  contacts: count,
  etaSeconds: z.number().nullable().describe('null while nothing can be said'),
});
export const checkSchema = z.object({
  state: z.enum(checkStates),
  detail: z.string().describe('the same in a sentence'),
  recovery: recoverySchema.optional().describe('while it is recovering'),
});
export type Check = z.infer<typeof checkSchema>;

export const readinessSchema = z.object({
  status: z.enum(['ready', 'not-ready']),
  detail: z.string().describe('what is not ready, in a sentence'),
  checks: z.record(z.string(), checkSchema).describe('what the roles of this process need'),
});
export type Readiness = z.infer<typeof readinessSchema>;
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string().describe('what the server’s log, and the facts, call this request'),
  field: z.string().optional(),
});
