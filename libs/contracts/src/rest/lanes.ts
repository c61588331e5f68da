import { z } from 'zod';
import { count, listOf, time } from './common.js';

export const laneSchema = z.object({
  lane: z.number(),
  owner: z.string().nullable().describe('host and process id of the server that is to read it; null while none is'),
  since: time.nullable().describe('since when it is'),
  clients: count.describe('clients that it knows, removed ones too'),
  epoch: z.number().describe('raised whenever the stream is another one than before'),
  sequence: z.string().describe('the last message of the stream that is in the log'),
  readAt: time.nullable().describe('when that arrived'),
  lagSeconds: z.number().nullable().describe('null while the owner does not answer'),
  perSecond: z.number().nullable(),
});
export const laneListSchema = listOf(laneSchema);
