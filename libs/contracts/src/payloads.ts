import { z } from 'zod';
import { instant } from './instant.js';
import { validateWith } from './validate.js';
import type { ContactKind } from './subjects.js';

/** What agents call the time. */
const time = instant;
const text = (max: number) => z.string().max(max);
const ips = z.array(z.union([z.ipv4(), z.ipv6()])).max(64);
const installed = z.record(text(128).min(1), text(128));
/** A position in the log, as text because it may exceed what a double holds. */
const revision = z.string().regex(/^\d{1,18}$/, 'a revision is a whole number as text');
/** A group path: names joined by slashes, such as `paris/desktops`. Empty is the root. */
export const groupPath = z
  .string()
  .max(256)
  .regex(/^$|^[^/\s][^/]*(\/[^/\s][^/]*)*$/, 'a group is names joined by single slashes, such as paris/desktops');
export const labels = z.record(text(64).min(1), text(256)).refine((all) => Object.keys(all).length <= 64, {
  message: 'at most 64 labels',
});

/** What a process of an agent calls itself: a number of its own, made anew whenever it starts. */
const instance = text(64).min(1);
/** Which of its requests this one is, from 1; one that is sent again with another `time` has another number. */
const sequence = z.int().min(1).max(2_147_483_647);

const report = {
  instance: instance.optional(),
  sequence: sequence.optional(),
  ips: ips.optional(),
  installed: installed.optional(),
  settingsRevision: revision.optional(),
  time: time.optional(),
};

const settingsResult = z.object({
  kind: z.literal('settings'),
  revision,
  outcome: z.enum(['applied', 'failed']),
  error: text(4096).optional(),
});
const updateResult = z.object({
  kind: z.literal('update'),
  component: text(128).min(1),
  version: text(128).min(1),
  outcome: z.enum(['applied', 'failed']),
  error: text(4096).optional(),
});
export const ackResult = z.discriminatedUnion('kind', [settingsResult, updateResult]);
export type AckResult = z.infer<typeof ackResult>;

/** What agents send, by kind. Unknown fields are ignored. */
export const payloadSchemas = {
  register: z.object({
    ...report,
    name: text(256).optional(),
    group: groupPath.optional(),
    labels: labels.optional(),
    agentVersion: text(64).optional(),
  }),
  start: z.object({ ...report, agentVersion: text(64).optional() }),
  reload: z.object({ ...report, agentVersion: text(64).optional() }),
  poll: z.object(report),
  update: z.object({ ...report, trigger: z.enum(['manual', 'scheduled']) }),
  ack: z.object({
    results: z.array(ackResult).max(1000),
    instance: instance.optional(),
    sequence: sequence.optional(),
  }),
  heartbeat: z.object({ ips: ips.optional(), settingsRevision: revision.optional(), time: time.optional() }),
  logs: z.unknown(),
  stop: z.object({ reason: text(1024).optional(), time: time.optional() }),
  uninstall: z.object({ reason: text(1024).optional(), time: time.optional() }),
} as const satisfies Record<ContactKind, z.ZodType>;

/** Why the server asks a direct client for an answer: there is something to fetch (R18), or just whether it is there (R19). */
export const notifySchema = z.object({ reason: z.enum(['settings', 'update', 'verify']) });
export type NotifyReason = z.infer<typeof notifySchema>['reason'];

/** What the server tells a lane of a client that did not answer: when it was asked, for it may have spoken since. */
export const unansweredSchema = z.object({ asked: z.iso.datetime() });

export type Payload<K extends ContactKind> = z.infer<(typeof payloadSchemas)[K]>;

/**
 * Validates a payload of a kind.
 *
 * @throws {ReachbackError} `bad_request`, naming the field
 */
export const validatePayload = <K extends ContactKind>(kind: K, value: unknown): Payload<K> =>
  validateWith(payloadSchemas[kind], value) as Payload<K>;
