import { z } from 'zod';
import { causes, statuses } from './facts.js';
import { groupPath, labels } from './payloads.js';
import { clientIdPattern } from './subjects.js';

/** What the REST API takes and answers. The same schemas validate requests and make up the OpenAPI document. */

const time = z.iso.datetime().describe('ISO 8601, in UTC');
const instant = z.iso.datetime({ offset: true });
const clientId = z.string().regex(clientIdPattern, 'a client id is 1 to 64 characters of A-Z a-z 0-9 _ -');
const position = z.string().regex(/^\d{1,18}$/, 'a position is a whole number');
const count = z.int().nonnegative();
const jsonObject = z.record(z.string(), z.unknown());
const cursor = z.string().max(2048).optional().describe('`nextCursor` of the page before');
const limit = (fallback: number) => z.coerce.number().int().min(1).max(1000).default(fallback);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const clientParams = z.object({ id: clientId });

export const clientSorts = ['id', 'name', 'status', 'since', 'registeredAt'] as const;
export type ClientSort = (typeof clientSorts)[number];

export const clientListQuery = z.object({
  status: z.enum(statuses).optional(),
  network: z.string().max(256).optional().describe('`direct`, `unreachable`, or the name of an unreachable network'),
  group: groupPath.optional().describe('the group and everything below it'),
  label: z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .pipe(z.array(z.string().regex(/^[^:]{1,64}:.{0,256}$/s, 'write label=key:value')).max(16))
    .optional(),
  q: z.string().max(256).optional().describe('part of the id or the name'),
  undelivered: flag.optional().describe('`true`: only clients with undelivered work'),
  sort: z.enum([...clientSorts, ...clientSorts.map((sort) => `-${sort}` as const)]).default('id'),
  limit: limit(100),
  cursor,
});
export type ClientListQuery = z.infer<typeof clientListQuery>;

export const clientSchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  group: z.string(),
  labels: z.record(z.string(), z.string()),
  ips: z.array(z.string()),
  network: z.enum(['direct', 'unreachable']),
  networkName: z.string().nullable(),
  status: z.enum(statuses),
  since: time,
  cause: z.enum(causes),
  lastContactAt: time.nullable(),
  lastHeartbeatAt: time.nullable(),
  lastPollAt: time.nullable(),
  offlineAt: time.nullable().describe('when silence would put it offline'),
  agentVersion: z.string().nullable(),
  installed: z.record(z.string(), z.string()),
  settingsRevision: z.string(),
  undelivered: count,
  clockSkewSeconds: z.number().nullable(),
  registeredAt: time,
  stale: z.literal(true).optional().describe('the presence owner is away: the exact times are unknown'),
});
export type Client = z.infer<typeof clientSchema>;
export const clientListSchema = listOf(clientSchema).extend({ total: count });

export const asOfQuery = z.object({ asOf: instant.optional() });
export const statusAtSchema = z.object({
  id: z.string(),
  status: z.enum(statuses),
  cause: z.enum(causes),
  since: time,
  asOf: time,
});

export const clientPatch = z
  .strictObject({
    name: z.string().max(256).nullable().optional(),
    group: groupPath.optional(),
    labels: labels.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'name, group or labels must be given');
export type ClientPatch = z.infer<typeof clientPatch>;

export const pageQuery = z.object({ limit: limit(100), cursor });
export const transitionListSchema = listOf(
  z.object({ at: time, status: z.enum(statuses), cause: z.enum(causes), position: z.string() }),
);

export const clientEventsQuery = z.object({
  from: instant.optional().describe('of beats and polls; an hour before `to` by default'),
  to: instant.optional().describe('now by default'),
  limit: limit(100),
  cursor,
});
export const clientEventListSchema = listOf(
  z.object({
    position: z.string(),
    type: z.string().describe('the type of a fact, or the kind of a contact'),
    at: time,
    data: z.unknown().optional(),
    meta: z.unknown().optional(),
  }),
);

export const queueQuery = z.object({ all: flag.optional() });
export const queueStates = [
  'pending',
  'delivered',
  'failed',
  'acknowledged',
  'superseded',
  'expired',
  'withdrawn',
] as const;
export const queueItemSchema = z.object({
  kind: z.enum(['settings', 'update']),
  key: z.string(),
  revision: z.string(),
  state: z.enum(queueStates),
  release: z.string().nullable(),
  queuedAt: time,
  deliveredAt: time.nullable(),
  attempts: count,
  deliverBy: time.nullable(),
  error: z.string().nullable(),
});
export type QueueItem = z.infer<typeof queueItemSchema>;
export const queueSchema = listOf(queueItemSchema);

export const mergePatchBody = jsonObject.describe('a JSON merge patch (RFC 7396)');
export const settingsLevelSchema = z.object({ revision: z.string(), values: jsonObject, changedAt: time.nullable() });
export const settingsChangedSchema = settingsLevelSchema.extend({ warnings: z.array(z.string()) });
export const effectiveSettingsSchema = z.object({
  revision: z.string(),
  values: jsonObject,
  from: z.record(z.string(), z.string()).describe('by dotted path, the level that set it'),
});

export const groupParams = z.object({ path: groupPath });
const byStatus = z.record(z.enum(statuses), count);
export type GroupNode = {
  path: string;
  name: string;
  total: number;
  byStatus: Record<(typeof statuses)[number], number>;
  children: GroupNode[];
};
export const groupTreeSchema = z
  .object({ path: z.string(), name: z.string(), total: count, byStatus, children: z.array(jsonObject) })
  .describe('a group with its counts, those below included; `children` are groups likewise');

const network = z.strictObject({
  name: z.string().min(1).max(128),
  ranges: z.array(z.string().min(1).max(128)).min(1).max(10_000),
});
export const networksBody = z
  .array(network)
  .max(10_000)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'each network needs a name of its own');

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

export const fleetSchema = z.object({
  total: count,
  byStatus,
  undelivered: z.object({ clients: count, items: count }).nullable().describe('null in the past'),
  ingest: z
    .object({ lagSeconds: z.number(), perSecond: z.number() })
    .nullable()
    .describe('null while the owner is away, and in the past'),
  asOf: time,
});

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

export const rejectsSchema = z.object({
  counts: z.record(z.string(), z.number()),
  samples: z.array(
    z.object({ at: time, subject: z.string(), code: z.string(), message: z.string(), payload: z.string() }),
  ),
});
export const projectionListSchema = listOf(
  z.object({
    name: z.string(),
    version: z.number(),
    lane: z.number(),
    position: z.string(),
    lag: z.string(),
    state: z.enum(['running', 'failed']),
    error: z.string().nullable(),
    updatedAt: time,
  }),
);

export const readinessSchema = z.object({
  status: z.enum(['ready', 'not-ready']),
  checks: z.record(z.string(), z.string()).describe('`up`, or why not'),
});
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  field: z.string().optional(),
});
