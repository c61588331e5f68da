import { z } from 'zod';
import { time, count, flag, listOf } from './common.js';

export const queueQuery = z.object({ all: flag.optional() });
export const queueStates = [
  'pending',
  'delivered',
  'failed',
  'acknowledged',
  'superseded',
  'expired',
  'withdrawn',
] as const;
export const queueItemSchema = z.object({
  kind: z.enum(['settings', 'update']),
  key: z.string(),
  revision: z.string(),
  state: z.enum(queueStates),
  release: z.string().nullable(),
  queuedAt: time,
  deliveredAt: time.nullable(),
  attempts: count,
  deliverBy: time.nullable(),
  error: z.string().nullable(),
  held: z.boolean().describe('it waits, because whoever queued it has lost the right to'),
});
export type QueueItem = z.infer<typeof queueItemSchema>;
export const queueSchema = listOf(queueItemSchema);
