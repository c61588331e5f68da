import { and, count, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Cause, Client, ClientListQuery, Status } from '#contracts';
import type { Scope } from '../access/scope.js';
import type { ApiContext } from '../context.js';
import { countClients } from '../counts/count-clients.js';
import { pageOf } from '../paging.js';
import { askOwners } from '../presence-owner.js';
import { client, presence } from '../tables.js';
import { filtersOf as toFilters } from './list/filters.js';
import { selectPage } from './list/page.js';
import { toPlace, toSort } from './list/query.js';

// A client has a status as soon as the lane has heard of its registration, a moment after it is in the table.
const status = sql<Status>`coalesce(${presence.status}, 'Offline')`;
const cause = sql<Cause>`coalesce(${presence.cause}, 'registered')`;
const since = sql<string>`to_char(coalesce(${presence.since}, ${client.registeredAt}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const registeredAt = sql<string>`to_char(${client.registeredAt} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const columns = {
  id: client.id,
  lane: client.lane,
  ordinal: client.ordinal,
  name: client.name,
  group: client.group,
  labels: client.labels,
  ips: client.ips,
  network: sql<'direct' | 'unreachable'>`coalesce(${presence.network}, 'direct')`,
  networkName: presence.networkName,
  status,
  since,
  cause,
  agentVersion: client.agentVersion,
  installed: client.installed,
  settingsRevision: sql<string>`${client.settingsRevision}::text`,
  registeredAt,
};

const notRemoved = sql`${client.removedAt} IS NULL`;

/** Backslash, `%` and `_` stand for themselves. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

const filtersOf = ({ status: wanted, network, group, label, q, undelivered }: ClientListQuery): SQL[] => {
  const filters = [notRemoved];
  if (wanted) filters.push(eq(status, wanted));
  if (network === 'direct' || network === 'unreachable') filters.push(eq(columns.network, network));
  else if (network !== undefined) filters.push(eq(presence.networkName, network));
  if (group) filters.push(sql`(${client.group} = ${group} OR ${client.group} LIKE ${`${escapeLike(group)}/%`})`);
  for (const pair of label ?? []) {
    const colon = pair.indexOf(':');
    const wantedLabel = JSON.stringify({ [pair.slice(0, colon)]: pair.slice(colon + 1) });
    filters.push(sql`${client.labels} @> ${wantedLabel}::jsonb`);
  }
  if (q)
    filters.push(sql`(${client.id} ILIKE ${`%${escapeLike(q)}%`} OR ${client.name} ILIKE ${`%${escapeLike(q)}%`})`);
  if (undelivered !== undefined) {
    const lacking = sql`EXISTS (SELECT FROM undelivered_work w WHERE w.client_id = ${client.id})`;
    filters.push(undelivered ? lacking : sql`NOT ${lacking}`);
  }
  return filters;
};

/** One page of the clients that pass the filters, and how many there are in all. */
export const listClients = async (context: ApiContext, scope: Scope, asked: ClientListQuery) => {
  const group = scope.narrow(asked.group);
  if (group === undefined) return { items: [], nextCursor: null, total: 0 };
  const query = { ...asked, group };
  const [{ items, nextCursor }, total] = await Promise.all([readPage(context, query), totalOf(context, query)]);
  return { items, nextCursor, total };
};

const readPage = async (context: ApiContext, query: ClientListQuery) => {
  const { tables } = context;
  const sort = toSort(query.sort);
  const after = query.cursor === undefined ? undefined : toPlace(query.cursor, sort.sort);
  const places = await selectPage(tables, toFilters(query), { ...sort, after, count: query.limit + 1 });
  const { items, nextCursor } = pageOf(places, query.limit, ({ sortedBy, id }) => [sortedBy, id]);
  const ids = items.map(({ id }) => id);
  const rows = ids.length === 0 ? [] : await selectRows(context, and(inArray(client.id, ids), notRemoved));
  const byId = new Map(rows.map((row) => [row.id, row]));
  // Who was removed since the page was read is not in it any more.
  const present = ids.flatMap((id) => byId.get(id) ?? []);
  return { items: await complete(context, present), nextCursor };
};

const selectRows = ({ tables }: ApiContext, where: SQL | undefined) =>
  tables.select(columns).from(client).leftJoin(presence, eq(presence.clientId, client.id)).where(where);

/** How many pass the filters: from the cohorts, or else counted one by one. */
const totalOf = async ({ db, tables }: ApiContext, query: ClientListQuery): Promise<number> => {
  const counted = await countClients(db, query);
  if (counted !== undefined) return counted;
  const [row] = await tables
    .select({ total: count() })
    .from(client)
    .leftJoin(presence, eq(presence.clientId, client.id))
    .where(and(...filtersOf(query)));
  return row?.total ?? 0;
};

/** One client; undefined when it is not registered, or elsewhere. */
export const findClient = async (context: ApiContext, scope: Scope, id: string): Promise<Client | undefined> => {
  const rows = await selectRows(context, and(eq(client.id, id), notRemoved));
  const within = rows.filter(({ group }) => scope.covers(group));
  return (await complete(context, within))[0];
};

type Row = Omit<
  Client,
  'undelivered' | 'lastContactAt' | 'lastHeartbeatAt' | 'lastPollAt' | 'offlineAt' | 'clockSkewSeconds'
> & {
  readonly lane: number;
  readonly ordinal: number;
};

/** Adds what is not in the table: the size of the queue, and what the presence owner knows exactly. */
const complete = async (context: ApiContext, rows: readonly Row[]): Promise<readonly Client[]> => {
  if (rows.length === 0) return [];
  const [owners, undelivered] = await Promise.all([
    askOwners(context, rows),
    countUndelivered(
      context,
      rows.map((row) => row.id),
    ),
  ]);
  return rows.map(({ lane, ordinal, settingsRevision, registeredAt: registered, ...row }) => {
    const owner = owners.get(lane);
    const exact = owner?.get(ordinal);
    return {
      ...row,
      since: toMilliseconds(row.since),
      lastContactAt: exact?.lastContactAt ?? null,
      lastHeartbeatAt: exact?.lastHeartbeatAt ?? null,
      lastPollAt: exact?.lastPollAt ?? null,
      offlineAt: exact?.offlineAt ?? null,
      settingsRevision,
      undelivered: undelivered.get(row.id) ?? 0,
      clockSkewSeconds: exact?.clockSkewSeconds ?? null,
      registeredAt: toMilliseconds(registered),
      ...(owner ? {} : { stale: true as const }),
    };
  });
};

const toMilliseconds = (time: string): string => new Date(time).toISOString();

const countUndelivered = async ({ db }: ApiContext, ids: readonly string[]): Promise<ReadonlyMap<string, number>> => {
  const rows = await db<{ client_id: string; items: number }[]>`
    SELECT client_id, count(*)::integer AS items FROM undelivered_work WHERE client_id = ANY(${[...ids]}) GROUP BY 1`;
  return new Map(rows.map((row) => [row.client_id, row.items]));
};
