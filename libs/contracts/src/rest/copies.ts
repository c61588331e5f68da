import { z } from 'zod';
import { listOf, time } from './common.js';

const instance = z.object({
  instance: z
    .string()
    .nullable()
    .describe('what the process calls itself; null where it was found out by its connection alone'),
  address: z.string().nullable().describe('where the broker says that it connects from; null where it asks nobody'),
  ips: z.array(z.string()).describe('what it reports itself'),
});

export const copySchema = z.object({
  clientId: z.string(),
  detectedAt: time,
  instances: z.array(instance).describe('the one that was there before the other comes first'),
});
export const copyListSchema = listOf(copySchema);
