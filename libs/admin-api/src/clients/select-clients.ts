import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Cause, Client, ClientListQuery, Status } from '#contracts';
import type { Scope } from '../access/scope.js';
import type { ApiContext } from '../context.js';
import { untilCounted } from '../counts/until-counted.js';
import { encodeCursor, pageOf } from '../paging.js';
import { askOwners } from '#intake';
import { client, presence } from '../tables.js';
import { type Expected, expectOf } from './list/expect.js';
import { filtersOf } from './list/filters.js';
import { type FoundPlaces, isFewFarBetween, selectPage } from './list/page.js';
import { toPlace, toSort } from './list/query.js';
import type { Place } from './list/search.js';
import { countList } from './list/total.js';

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
  copied: sql<boolean>`EXISTS (SELECT FROM client_copy k WHERE k.client_id = ${client.id})`,
  splitFrom: sql<string | null>`(
    SELECT s.client_id FROM client_split s WHERE s.split_id = ${client.id} AND s.split_at IS NOT NULL LIMIT 1)`,
};

const notRemoved = sql`${client.removedAt} IS NULL`;

/** One page of the clients that pass the filters, and how many there are in all. */
export const listClients = async (context: ApiContext, scope: Scope, asked: ClientListQuery) => {
  const group = scope.narrow(asked.group);
  if (group === undefined) return { items: [], nextCursor: null, total: 0 };
  const query = { ...asked, group };
  if (query.undelivered !== undefined) await untilCounted(context);
  const filters = filtersOf(query);
  const expected = expectOf(context, query);
  const found = selectPlaces(context, query, () => expected);
  const [{ items, nextCursor }, total] = await Promise.all([
    found.then((places) => readPage(context, query, places)),
    expected.then(async (known) => {
      const collected = isFewFarBetween(filters, known, query.limit + 1) ? (await found).total : undefined;
      return collected ?? countList(context.tables, filters, known, query.total);
    }),
  ]);
  return { items, nextCursor, total };
};

const selectPlaces = async ({ tables }: ApiContext, query: ClientListQuery, expected: () => Promise<Expected>) => {
  const sort = toSort(query.sort);
  const after = query.cursor === undefined ? undefined : toPlace(query.cursor, sort.sort);
  return selectPage(tables, filtersOf(query), { ...sort, after, count: query.limit + 1 }, expected);
};

const readPage = async (context: ApiContext, query: ClientListQuery, { places, end }: FoundPlaces) => {
  const page = pageOf(places, query.limit, placeOf);
  const ids = page.items.map(({ id }) => id);
  const rows = ids.length === 0 ? [] : await selectRows(context, and(inArray(client.id, ids), notRemoved));
  const byId = new Map(rows.map((row) => [row.id, row]));
  // Who was removed since the page was read is not in it any more.
  const present = ids.flatMap((id) => byId.get(id) ?? []);
  const nextCursor = page.nextCursor ?? (end ? encodeCursor(placeOf(end)) : null);
  return { items: await complete(context, present), nextCursor };
};

const placeOf = ({ sortedBy, id }: Place): readonly string[] => [sortedBy, id];

const selectRows = ({ tables }: ApiContext, where: SQL | undefined) =>
  tables.select(columns).from(client).leftJoin(presence, eq(presence.clientId, client.id)).where(where);

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
    SELECT client_id, count(*)::integer AS items FROM undelivered_work_of(${[...ids]}) GROUP BY 1`;
  return new Map(rows.map((row) => [row.client_id, row.items]));
};
