import { z } from 'zod';
import { roles } from '../facts.js';
import { groupPath } from '../payloads.js';
import { clientId, cursor, flag, instant, limit, listOf, time } from './common.js';

const name = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u, 'a name is 1 to 64 letters, digits and . _ @ - or spaces')
  .refine((text) => text !== 'default', '"default" is the name of the first administrator key');
const expiresAt = instant.nullable().describe('from then on it is good for nothing; null is never');

export const adminKeyParams = z.object({ id: z.string().regex(/^[a-z0-9]{12}$/, 'a key’s id has 12 characters') });
export const adminKeyListQuery = z.object({
  revoked: flag.optional().describe('`true`: those that were revoked too'),
  limit: limit(100),
  cursor,
});
export const adminKeyBody = z.strictObject({
  name,
  role: z.enum(roles),
  group: groupPath.default('').describe('the group that it is limited to, with all below it; empty is the fleet'),
  expiresAt: expiresAt.default(null),
});
export type AdminKeyBody = z.infer<typeof adminKeyBody>;
export const adminKeyPatch = z
  .strictObject({
    name: name.optional(),
    role: z.enum(roles).optional(),
    group: groupPath.optional(),
    expiresAt: expiresAt.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'name, role, group or expiresAt must be given');
export type AdminKeyPatch = z.infer<typeof adminKeyPatch>;

export const heldWorkQuery = z.object({
  work: z
    .enum(['hold', 'keep'])
    .default('hold')
    .describe('what becomes of settings and releases that the key may not have queued any more'),
});
export type HeldWorkQuery = z.infer<typeof heldWorkQuery>;

export const adminKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  group: z.string(),
  createdAt: time,
  createdBy: z.string(),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
  lastUsedAt: time.nullable().describe('to within five minutes'),
});
export const adminKeyListSchema = listOf(adminKeySchema);
export const adminKeyCreatedSchema = adminKeySchema.extend({
  key: z.string().nullable().describe('shown this once; null when the request comes again with its Idempotency-Key'),
});
export const adminKeyChangedSchema = adminKeySchema.extend({
  held: z
    .object({
      releases: z.array(z.uuid()),
      settings: z.array(
        z.object({ scope: z.enum(['fleet', 'group', 'client']), path: z.string().optional(), id: clientId.optional() }),
      ),
    })
    .describe('what is held from now on, because the key may not do it any more'),
});
