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
export type Search = PageQuery & { readonly source: Source; readonly filters: ClientFilters };

export const all = (conditions: readonly SQL[]): SQL => sql.join([...conditions], sql` AND `);

/** That a row of the source comes after the cursor; Postgres takes it for a condition on the source's index. */
export const isAfter = ({ sort, source, after, isDescending }: Search): readonly SQL[] => {
  if (after === undefined) return [];
  const { key, keyType, id, arms } = source;
  const direction = sql.raw(isDescending ? '<' : '>');
  if (sort === 'status' && arms) {
    // All of an arm has one status, so the id alone tells. No id is as long as this (and none empty).
    const beyond = isDescending ? sql`repeat('z', 65)` : sql`''`;
    return [sql`${id} ${direction} CASE WHEN a.arm = ${after.sortedBy} THEN ${after.id} ELSE ${beyond} END`];
  }
  return [sql`(${key}, ${id}) ${direction} (${after.sortedBy}::${sql.raw(keyType)}, ${after.id})`];
};

export const orderBy = ({ isDescending }: PageQuery, key: SQL, id: SQL): SQL =>
  isDescending ? sql`ORDER BY ${key} DESC, ${id} DESC` : sql`ORDER BY ${key}, ${id}`;

/** `r.key` as text. As a timestamp it would lose its microseconds in JavaScript. */
export const keyText = ({ source }: Search): SQL =>
  source.keyType === 'text' ? sql`r.key` : sql`to_char(r.key AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** What the client of an id must pass, looked up where it is known; OFFSET 0 keeps Postgres from joining whole tables. */
export const passes = (id: SQL, filters: ClientFilters): readonly SQL[] => {
  const conditions: SQL[] = [];
  if (filtersClient(filters)) {
    const client = all([sql`c.id = ${id}`, ...clientConditions(filters)]);
    conditions.push(sql`EXISTS (SELECT FROM client c WHERE ${client} OFFSET 0)`);
  }
  if (filtersPresence(filters) || (filters.group !== undefined && !filtersClient(filters))) {
    const presence = all([sql`p.client_id = ${id}`, ...presenceConditions(filters)]);
    conditions.push(sql`EXISTS (SELECT FROM presence p WHERE ${presence} OFFSET 0)`);
  }
  return [...conditions, ...lacks(filters, id)];
};

/** Whether a client has undelivered work: composed for one client after the other, so to be asked last. */
export const lacks = ({ undelivered }: ClientFilters, id: SQL): readonly SQL[] =>
  undelivered === undefined
    ? []
    : [
        sql`${undelivered ? sql`` : sql`NOT`} EXISTS (SELECT FROM undelivered_work w WHERE w.client_id = ${id} OFFSET 0)`,
      ];
