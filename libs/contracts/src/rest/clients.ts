import { z } from 'zod';
import { causes, statuses } from '../facts.js';
import { groupPath, labels } from '../payloads.js';
import { time, instant, queryInstant, clientId, count, cursor, limit, flag, listOf } from './common.js';

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
  total: flag.default(false).describe('`true`: count, however long it takes'),
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
  copied: z.boolean().describe('two machines speak as this client; `GET /v1/copies` says which'),
  splitFrom: z.string().nullable().describe('the client whose copy it was, until it became one of its own'),
  stale: z.literal(true).optional().describe('the presence owner is away: the exact times are unknown'),
});
export type Client = z.infer<typeof clientSchema>;
export const clientListSchema = listOf(clientSchema).extend({
  total: count.nullable().describe('null where counting takes longer than the page; `?total=true` counts'),
});

export const asOfQuery = z.object({ asOf: queryInstant.optional() });
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
).extend({
  contactsFrom: time.nullable().describe('beats and polls before this are not kept any more; null while all are there'),
});
