import { z } from 'zod';
import { time, count, byStatus, listOf, queryInstant } from './common.js';

export const fleetSchema = z.object({
  total: count,
  byStatus,
  undelivered: z.object({ clients: count, items: count }).nullable().describe('null in the past'),
  ingest: z
    .object({ lagSeconds: z.number(), perSecond: z.number() })
    .nullable()
    .describe('null while the owner is away, in the past, and with a key that is limited to a group'),
  asOf: time,
});

export const fleetHistoryQuery = z.object({
  from: queryInstant.optional().describe('a day before `to` by default'),
  to: queryInstant.optional().describe('now by default, and at most'),
  step: z
    .string()
    .max(64)
    .optional()
    .describe('an ISO 8601 duration; by default one that gives about a hundred points'),
});
export type FleetHistoryQuery = z.infer<typeof fleetHistoryQuery>;
export const fleetHistorySchema = listOf(z.object({ at: time, total: count, byStatus }));
