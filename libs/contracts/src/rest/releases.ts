import { z } from 'zod';
import { groupPath, labels } from '../payloads.js';
import { time, instant, clientId, count, jsonObject, listOf } from './common.js';

export const componentParams = z.object({ name: z.string().min(1).max(128) });
const releaseTarget = z.union([
  z.strictObject({ all: z.literal(true) }),
  z
    .strictObject({
      groups: z.array(groupPath).min(1).max(10_000).optional(),
      clients: z.array(clientId).min(1).max(10_000).optional(),
      labels: labels.optional(),
    })
    .refine((target) => Object.keys(target).length > 0, 'say whom it is for: all, groups, clients or labels'),
]);
export const releaseBody = z.strictObject({
  version: z.string().min(1).max(128),
  url: z.url({ protocol: /^https?$/ }).max(2048),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'sha256 is 64 hexadecimal digits')
    .toLowerCase(),
  size: z.int().nonnegative(),
  target: releaseTarget,
  deliverBy: instant.nullable().optional(),
});
export type ReleaseBody = z.infer<typeof releaseBody>;
export const releaseParams = z.object({ id: z.uuid() });
export const releaseSchema = z.object({
  id: z.string(),
  component: z.string(),
  version: z.string(),
  url: z.string(),
  sha256: z.string(),
  size: z.number(),
  target: jsonObject,
  deliverBy: time.nullable(),
  publishedAt: time,
});
export const releaseProgressSchema = releaseSchema.extend({
  progress: z.object({
    targeted: count,
    pending: count,
    delivered: count,
    acknowledged: count,
    failed: count,
    expired: count,
    superseded: count,
  }),
  eta: time
    .nullable()
    .describe('when those still lacking it will have polled; null if done, or if one of them is offline'),
});
export const componentListSchema = listOf(z.object({ name: z.string(), releases: z.array(releaseSchema) }));
