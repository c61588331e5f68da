import { sql, type SQL } from 'drizzle-orm';
import type { ClientSort } from '#contracts';
import { type ClientFilters, clientConditions, filtersClient, filtersPresence, presenceConditions } from './filters.js';
import type { Source } from './source.js';

/** A client's place in a list: its id, and the value that the list is sorted by, as text. */
export type Place = { readonly id: string; readonly sortedBy: string };

export type PageQuery = {
  readonly sort: ClientSort;
  readonly isDescending: boolean;
  readonly after: Place | undefined;
  /** Places at most. */
  readonly count: number;
};

/** A question about one list, put to one source. */
export type Search = PageQuery & {
  readonly source: Source;
  readonly filters: ClientFilters;
  /**
   * Whether what clients lack is known by their cohorts, worked out once for a statement, that is to begin with
   * {@link lackingFirst}; else each one's queue is composed, which is quicker for a few hundred.
   */
  readonly isByCohort?: boolean;
};

export const all = (conditions: readonly SQL[]): SQL => sql.join([...conditions], sql` AND `);

/** That a row of the source comes after the cursor; Postgres takes it for a condition on the source's index. */
export const isAfter = ({ source, after, isDescending }: Search): readonly SQL[] => {
  if (after === undefined) return [];
  const { key, keyType, id, status } = source;
  const direction = sql.raw(isDescending ? '<' : '>');
  if (status !== undefined) {
    // One status comes after the cursor's, or before, or the ids tell. None is as long as the last.
    const [first, last] = isDescending ? [sql`repeat('z', 65)`, sql`''`] : [sql`''`, sql`repeat('z', 65)`];
    const from = sql`CASE WHEN ${status} = ${after.sortedBy} THEN ${after.id}
      WHEN ${status} ${direction} ${after.sortedBy} THEN ${first} ELSE ${last} END`;
    return [sql`${id} ${direction} ${from}`];
  }
  return [sql`(${key}, ${id}) ${direction} (${after.sortedBy}::${sql.raw(keyType)}, ${after.id})`];
};

export const orderBy = ({ isDescending }: PageQuery, ...columns: readonly SQL[]): SQL => {
  const terms = isDescending ? columns.map((column) => sql`${column} DESC`) : [...columns];
  return sql`ORDER BY ${sql.join(terms, sql`, `)}`;
};

/** `r.key` as text. As a timestamp it would lose its microseconds in JavaScript. */
export const keyText = ({ source }: Search): SQL =>
  source.keyType === 'text' ? sql`r.key` : sql`to_char(r.key AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

type Work = Pick<Search, 'filters' | 'isByCohort'>;

/** What the client of an id must pass, looked up where it is known; OFFSET 0 keeps Postgres from joining whole tables. */
export const passes = (id: SQL, search: Work): readonly SQL[] => {
  const { filters } = search;
  const conditions: SQL[] = [];
  if (filtersClient(filters)) {
    const client = all([sql`c.id = ${id}`, ...clientConditions(filters)]);
    conditions.push(sql`EXISTS (SELECT FROM client c WHERE ${client} OFFSET 0)`);
  }
  if (filtersPresence(filters) || (filters.group !== undefined && !filtersClient(filters))) {
    const presence = all([sql`p.client_id = ${id}`, ...presenceConditions(filters)]);
    conditions.push(sql`EXISTS (SELECT FROM presence p WHERE ${presence} OFFSET 0)`);
  }
  return [...conditions, ...lacks(search, id)];
};

/** Filters of one table, and those that are known elsewhere. */
export type Split = { readonly own: readonly SQL[]; readonly others: ClientFilters };

/** What the row of the source tells by itself: to look it up once more by its id takes four times as long. */
export const splitOf = ({ table }: Source, filters: ClientFilters): Split => {
  const isOfClient = table === 'client';
  if (filters.group === undefined && !(isOfClient ? filtersClient(filters) : filtersPresence(filters)))
    return { own: [], others: filters };
  const others = isOfClient
    ? { ...filters, group: undefined, labels: [], part: undefined }
    : { ...filters, group: undefined, statuses: undefined, networkName: undefined };
  return { own: isOfClient ? clientConditions(filters) : presenceConditions(filters), others };
};

/** Whether a client has undelivered work, or has none: to be asked last. */
export const lacks = ({ filters: { undelivered }, isByCohort }: Work, id: SQL): readonly SQL[] => {
  if (undelivered === undefined) return [];
  if (!isByCohort) {
    const work = sql`EXISTS (SELECT FROM undelivered_work w WHERE w.client_id = ${id} OFFSET 0)`;
    return [undelivered ? work : sql`NOT ${work}`];
  }
  return [
    sql`EXISTS (
      SELECT FROM cohort_member k WHERE k.client_id = ${id}
        AND (k.kind_id, k.group_id, k.settled_with) IN (SELECT l.kind_id, l.group_id, l.settled_with FROM lacking l)
      OFFSET 0)`,
  ];
};

/** The cohorts of those who have undelivered work, or none, as is asked; the beginning of a statement. */
export const lackingFirst = ({ filters: { undelivered, group = '' }, isByCohort }: Work): readonly SQL[] =>
  undelivered === undefined || !isByCohort
    ? []
    : [
        sql`lacking AS MATERIALIZED (
          SELECT kind_id, group_id, settled_with, sum(clients) AS clients FROM cohorts_lacking(${group})
          WHERE items ${undelivered ? sql`>` : sql`=`} 0 GROUP BY 1, 2, 3)`,
      ];

/** Queries with names, in order, to begin a statement with. */
export const named = (queries: readonly SQL[]): SQL => sql`WITH ${sql.join([...queries], sql`, `)}`;
