import { z } from 'zod';
import { count, listOf, time } from './common.js';

export const verificationParams = z.object({ id: z.uuid() });
export const verificationSchema = z.object({
  id: z.string(),
  state: z.enum(['running', 'finished']),
  reason: z.enum(['on-demand', 'scheduled']),
  requestedBy: z.string(),
  startedAt: time,
  finishedAt: time.nullable(),
  progress: z.object({
    direct: count.describe('clients that can be asked, when it began to ask'),
    asked: count,
    answered: count,
    unanswered: count,
    skipped: count.describe('unreachable clients, which are not asked'),
  }),
});
export const verificationListSchema = listOf(verificationSchema);
