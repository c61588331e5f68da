import { z } from 'zod';
import { clientId, cursor, limit, listOf, position, queryInstant, time } from './common.js';

export const auditQuery = z.object({
  actor: z.string().max(256).optional(),
  type: z.string().max(64).optional(),
  client: clientId.optional(),
  group: z.string().max(512).optional().describe('what was done in a group or below it'),
  from: queryInstant.optional(),
  to: queryInstant.optional(),
  after: position.optional().describe('only what stands after this position'),
  limit: limit(100),
  cursor,
});
export type AuditQuery = z.infer<typeof auditQuery>;

export const auditListSchema = listOf(
  z.object({
    position: z.string(),
    at: time,
    actor: z.string().describe('`admin:<key name>`'),
    address: z.string().nullable().describe('where the request came from; null of acts before it was kept'),
    type: z.string(),
    client: z.string().nullable(),
    groups: z.array(z.string()).describe('the groups that it was about, and those above them; none for the fleet'),
    data: z.unknown(),
    before: z.unknown().describe('what it replaced; null where the data says it all'),
    correlation: z.string().nullable(),
  }),
);

export const auditHeadSchema = z.object({
  position: z.string().describe('of the last fact'),
  hash: z.string().describe('its hash: keep it elsewhere, and give it to `verify-log --expect` as POSITION:HASH'),
  chainStart: z.string().describe('facts up to here were there before the chain'),
  at: time,
});
