import { z } from 'zod';
import { time, clientId, position, limit, listOf } from './common.js';

export const eventsQuery = z.object({
  after: position.default('0'),
  client: clientId.optional(),
  type: z.string().max(64).optional(),
  limit: limit(100),
});
export const eventListSchema = listOf(
  z.object({
    position: z.string(),
    id: z.string(),
    type: z.string(),
    client: z.string().nullable(),
    recordedAt: time,
    data: z.unknown(),
    meta: z.unknown(),
  }),
);
