import { z } from 'zod';
import { publicKey } from '../enrolment.js';
import { groupPath, labels } from '../payloads.js';
import { clientId, count, cursor, instant, limit, listOf, time } from './common.js';

export const enrolmentTokenBody = z
  .strictObject({
    group: groupPath.optional().describe('the group of clients that enrol with it, whatever they say themselves'),
    labels: labels.optional().describe('labels of theirs; others that they say themselves are kept'),
    clientId: clientId.optional().describe('the only id it is good for; any by default'),
    uses: z.int().min(1).max(1_000_000).default(1).describe('how many keys may enrol with it'),
    expiresIn: z.string().max(64).optional().describe('ISO 8601 duration, P7D by default; at most P365D'),
    expiresAt: instant.optional(),
    approval: z.boolean().default(false).describe('whether an administrator has to approve each client'),
  })
  .refine(({ expiresIn, expiresAt }) => expiresIn === undefined || expiresAt === undefined, {
    message: 'give expiresIn or expiresAt, not both',
    path: ['expiresIn'],
  });
export type EnrolmentTokenBody = z.infer<typeof enrolmentTokenBody>;

export const enrolmentTokenParams = z.object({ id: z.uuid() });
export const enrolmentTokenSchema = z.object({
  id: z.string(),
  state: z.enum(['usable', 'used-up', 'expired']),
  clientId: z.string().nullable(),
  group: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  uses: count,
  used: count,
  approval: z.boolean(),
  splitFrom: z
    .string()
    .nullable()
    .describe('the client whose copy it is for, by the policy `copies`; null of any other'),
  expiresAt: time,
  createdBy: z.string(),
  createdAt: time,
});
export const enrolmentTokenListSchema = listOf(enrolmentTokenSchema);
export const newEnrolmentTokenSchema = enrolmentTokenSchema.extend({
  token: z
    .string()
    .nullable()
    .describe('shown this once; null when the request was sent again with the same Idempotency-Key'),
});

export const enrolmentStates = ['pending', 'approved', 'refused'] as const;
export const enrolmentListQuery = z.object({ state: z.enum(enrolmentStates).optional(), limit: limit(100), cursor });
export type EnrolmentListQuery = z.infer<typeof enrolmentListQuery>;
export const enrolmentParams = z.object({ id: z.uuid() });
export const enrolmentSchema = z.object({
  id: z.string(),
  state: z.enum(enrolmentStates),
  clientId: z.string(),
  publicKey,
  token: z.string().describe('the id of its token'),
  splitFrom: z.string().nullable().describe('the client whose copy it is; null of any other'),
  address: z.string().nullable().describe('where it came from; null over NATS'),
  requestedAt: time,
  decidedAt: time.nullable(),
  decidedBy: z.string().nullable(),
});
export const enrolmentListSchema = listOf(enrolmentSchema);

export const credentialSchema = z.object({
  publicKey,
  state: z.enum(['valid', 'suspended', 'expired', 'revoked']),
  issuedAt: time.describe('when the key enrolled'),
  renewedAt: time.nullable(),
  expiresAt: time,
  suspendedUntil: time.nullable().describe('not let in until then, for it opened too many connections'),
  revokedAt: time.nullable(),
  revokedBy: z.string().nullable(),
  address: z.string().nullable().describe('where it enrolled from; null over NATS'),
});
export const credentialListSchema = listOf(credentialSchema);
export const revokedSchema = z.object({
  revoked: z.array(z.string()).describe('the public keys that the broker lets in no longer'),
  inEffect: z.boolean().describe('false: the broker could not be told yet; it will be, as soon as it can'),
});
