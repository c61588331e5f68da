import { and, asc, count, desc, eq, type SQL, sql } from 'drizzle-orm';
import type { Cause, Client, ClientListQuery, ClientSort, Status } from '#contracts';
import type { ApiContext } from '../context.js';
import { countClients } from '../counts/count-clients.js';
import { decodeCursor, encodeCursor } from '../paging.js';
import { askOwner } from '../presence-owner.js';
import { client, presence } from '../tables.js';

// A client has a status as soon as the lane has heard of its registration, a moment after it is in the table.
const status = sql<Status>`coalesce(${presence.status}, 'Offline')`;
const cause = sql<Cause>`coalesce(${presence.cause}, 'registered')`;
const since = sql<string>`to_char(coalesce(${presence.since}, ${client.registeredAt}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const registeredAt = sql<string>`to_char(${client.registeredAt} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const columns = {
  id: client.id,
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

const sortColumns: Readonly<Record<ClientSort, SQL<string>>> = {
  id: sql<string>`${client.id}`,
  name: sql<string>`coalesce(${client.name}, '')`,
  status,
  since,
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
export const listClients = async (context: ApiContext, query: ClientListQuery) => {
  const isDescending = query.sort.startsWith('-');
  const sortColumn = sortColumns[query.sort.replace('-', '') as ClientSort];
  const filters = filtersOf(query);
  const place: SQL[] = [];
  if (query.cursor !== undefined) {
    const [value, id] = decodeCursor(query.cursor, 2);
    place.push(sql`(${sortColumn}, ${client.id}) ${sql.raw(isDescending ? '<' : '>')} (${value}, ${id})`);
  }
  const direction = isDescending ? desc : asc;
  const [rows, total] = await Promise.all([
    context.tables
      .select({ ...columns, sortedBy: sortColumn })
      .from(client)
      .leftJoin(presence, eq(presence.clientId, client.id))
      .where(and(...filters, ...place))
      .orderBy(direction(sortColumn), direction(client.id))
      .limit(query.limit + 1),
    totalOf(context, query, filters),
  ]);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: await complete(
      context,
      page.map(({ sortedBy, ...row }) => row),
    ),
    nextCursor: rows.length > query.limit && last ? encodeCursor([last.sortedBy, last.id]) : null,
    total,
  };
};

/** How many pass the filters: from the cohorts, or else counted one by one. */
const totalOf = async (
  { db, tables }: ApiContext,
  query: ClientListQuery,
  filters: readonly SQL[],
): Promise<number> => {
  const counted = await countClients(db, query);
  if (counted !== undefined) return counted;
  const [row] = await tables
    .select({ total: count() })
    .from(client)
    .leftJoin(presence, eq(presence.clientId, client.id))
    .where(and(...filters));
  return row?.total ?? 0;
};

/** One client; undefined when it is not registered. */
export const findClient = async (context: ApiContext, id: string): Promise<Client | undefined> => {
  const rows = await context.tables
    .select(columns)
    .from(client)
    .leftJoin(presence, eq(presence.clientId, client.id))
    .where(and(eq(client.id, id), notRemoved));
  return (await complete(context, rows))[0];
};

type Row = Omit<
  Client,
  'undelivered' | 'lastContactAt' | 'lastHeartbeatAt' | 'lastPollAt' | 'offlineAt' | 'clockSkewSeconds'
> & {
  readonly ordinal: number;
};

/** Adds what is not in the table: the size of the queue, and what the presence owner knows exactly. */
const complete = async (context: ApiContext, rows: readonly Row[]): Promise<readonly Client[]> => {
  if (rows.length === 0) return [];
  const [owner, undelivered] = await Promise.all([
    askOwner(
      context,
      rows.map((row) => row.ordinal),
    ),
    countUndelivered(
      context,
      rows.map((row) => row.id),
    ),
  ]);
  const known = new Map(owner?.clients.map((exact) => [exact.ordinal, exact]));
  return rows.map(({ ordinal, settingsRevision, registeredAt: registered, ...row }) => {
    const exact = known.get(ordinal);
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
