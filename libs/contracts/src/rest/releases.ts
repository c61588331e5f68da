import { z } from 'zod';
import { statuses } from '../facts.js';
import { groupPath, labels } from '../payloads.js';
import { time, instant, clientId, count, cursor, held, jsonObject, limit, listOf } from './common.js';

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
const rollout = z.strictObject({
  over: z.string().describe('ISO 8601 duration in which clients are admitted one after another, spread evenly'),
});
export const releaseBody = z.strictObject({
  version: z.string().min(1).max(128),
  url: z.url({ protocol: /^https?$/ }).max(2048),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'sha256 is 64 hexadecimal digits')
    .toLowerCase(),
  size: z.int().nonnegative(),
  target: releaseTarget,
  deliverBy: instant.nullable().optional().describe('after this time it is not delivered any more'),
  rollout: rollout.nullable().optional().describe('null: to all clients at once'),
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
  rollout: rollout.nullable(),
  publishedAt: time,
  pausedAt: time.nullable(),
  withdrawnAt: time.nullable(),
  within: z.string().nullable().describe('the group that whoever published it was limited to; null is no limit'),
  held,
});
/** Where a client stands with a release that is for it. */
export const progressStates = [
  'pending',
  'delivered',
  'acknowledged',
  'failed',
  'expired',
  'superseded',
  'withdrawn',
] as const;
export type ProgressState = (typeof progressStates)[number];
export const releaseProgressSchema = releaseSchema.extend({
  progress: z
    .object({
      targeted: count,
      pending: count,
      delivered: count,
      acknowledged: count,
      failed: count,
      expired: count,
      superseded: count,
      withdrawn: count.optional().describe('of a withdrawn release: those that had not confirmed it'),
    })
    .describe('the clients it is for, by where they stand; `targeted` is their sum'),
  eta: time
    .nullable()
    .describe('when those that lack it will have it at the latest; null if none does, or if nobody can know'),
});
export type ReleaseProgress = z.infer<typeof releaseProgressSchema>['progress'];

/** Why a client has not got a release, or has not confirmed it. */
export const lackReasons = [
  'asleep',
  'failing',
  'expired',
  'not-yet-admitted',
  'paused',
  'held',
  'waiting',
  'installing',
] as const;
export type LackReason = (typeof lackReasons)[number];
export const releaseClientsQuery = z.object({ state: z.enum(progressStates).optional(), limit: limit(100), cursor });
export type ReleaseClientsQuery = z.infer<typeof releaseClientsQuery>;
export const releaseClientSchema = z.object({
  client: z.string(),
  name: z.string().nullable(),
  status: z.enum(statuses),
  state: z.enum(progressStates),
  why: z
    .enum(lackReasons)
    .nullable()
    .describe('`waiting`: it is online and gets it at its next contact; `installing`: delivered, not yet confirmed'),
  attempts: count,
  deliveredAt: time.nullable(),
  error: z.string().nullable(),
  admittedAt: time.nullable().describe('its turn in the rollout; null without one'),
  expectedAt: time.nullable().describe('when it will have spoken next, and may have it; null if nobody can know'),
});
export type ReleaseClient = z.infer<typeof releaseClientSchema>;
export const releaseClientListSchema = listOf(releaseClientSchema);
export const componentListSchema = listOf(z.object({ name: z.string(), releases: z.array(releaseSchema) }));
