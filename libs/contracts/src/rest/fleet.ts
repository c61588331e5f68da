import { z } from 'zod';
import { time, count, byStatus } from './common.js';

export const fleetSchema = z.object({
  total: count,
  byStatus,
  undelivered: z.object({ clients: count, items: count }).nullable().describe('null in the past'),
  ingest: z
    .object({ lagSeconds: z.number(), perSecond: z.number() })
    .nullable()
    .describe('null while the owner is away, and in the past'),
  asOf: time,
});
