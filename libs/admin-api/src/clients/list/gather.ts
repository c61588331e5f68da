import { sql, type SQL } from 'drizzle-orm';
import { type ClientFilters, clientsToFind, filtersClient, filtersPresence, presencesToFind } from './filters.js';
import { all, isAfter, keyText, lackingFirst, lacks, named, orderBy, passes, type Search } from './search.js';
import { walk } from './walk.js';

/** Clients whose places in the order are looked up, each by its id: some 15 ms. */
export const looksUp = 5_000;
/** So many are more quickly collected, and looked up, than met in the order: going through all of that takes 200 ms. */
export const keepsAnyway = 10_000;

/**
 * The page by collecting what passes by the indexes of the filters, however rare it is in the order of the list; each row
 * with the `total` of these, whatever they lack. At least one row, without an id if there is no place.
 */
export const gather = (search: Search): SQL =>
  knowsAll(search) ? sortMatches(search) : placeMatches(search, matches(search.filters));

/**
 * Likewise, from the cohorts of those who lack something, or nothing, if these are few: `isFew` says so. At least one row,
 * without an id if there is no place.
 */
export const gatherLacking = (search: Search): SQL => {
  const known: Search = { ...search, isByCohort: true };
  const settled: Search = { ...known, filters: { ...search.filters, undelivered: undefined } };
  const areFew = sql`(SELECT coalesce(sum(l.clients), 0) <= ${looksUp} FROM lacking l)`;
  const found = sql`SELECT f.id FROM (${lackingMatches(search.filters)}) f WHERE ${areFew}`;
  return sql`
    ${named(lackingFirst(known))}
    SELECT f.id, f."sortedBy", ${areFew} AS "isFew" FROM (${placeMatches(settled, found)}) f`;
};

/** The ids of all that pass, out of the cohorts that `lackingFirst` has named. */
export const lackingMatches = (filters: ClientFilters): SQL => {
  const others = passes(sql`m.client_id`, { filters: { ...filters, group: undefined, undelivered: undefined } });
  return sql`
    SELECT m.client_id AS id FROM lacking l
    CROSS JOIN LATERAL (
      SELECT m.client_id FROM cohort_member m
      WHERE m.kind_id = l.kind_id AND m.group_id = l.group_id AND m.settled_with = l.settled_with OFFSET 0
    ) m WHERE ${all([sql`true`, ...others])}`;
};

/** Whether the source's table has all that is filtered by. */
const knowsAll = ({ source: { table }, filters }: Search): boolean =>
  table === 'client' ? !filtersPresence(filters) : !filtersClient(filters);

const sortMatches = (search: Search): SQL => {
  const { source, filters } = search;
  const conditions = source.table === 'client' ? clientsToFind(filters) : presencesToFind(filters);
  const { id, key, from } = source;
  const m = sql`m AS MATERIALIZED (SELECT ${id} AS id, ${key} AS key FROM ${from} WHERE ${all(conditions)})`;
  const rows = sql`SELECT m.* FROM m WHERE ${all([sql`true`, ...afterCursor(search, sql`m`)])}`;
  return withTotal(search, m, firstPlaces(search, rows));
};

/** The places, which are out of `m` and know its `number`. */
const withTotal = (search: Search, m: SQL, places: SQL): SQL => {
  const number = sql`number AS MATERIALIZED (
    SELECT count(*)::integer AS total, count(*) <= ${keepsAnyway} AS is_few FROM m)`;
  return sql`
    ${named([...lackingFirst(search), m, number])}
    SELECT p.id, p."sortedBy", n.total FROM number n LEFT JOIN (${places}) p ON true`;
};

const afterCursor = (search: Search, row: SQL): readonly SQL[] =>
  isAfter({ ...search, source: { ...search.source, key: sql`${row}.key`, id: sql`${row}.id`, status: undefined } });

/** A few matches are looked up in the source; many are kept in mind while the source is gone through. */
const placeMatches = (search: Search, found: SQL): SQL => {
  const { id, key, from, isListed } = search.source;
  // The cursor is left to the outside: within, an index of the order would seem to serve better than the id.
  const places = sql`
    SELECT f.id, f.key FROM m CROSS JOIN LATERAL (
      SELECT ${id} AS id, ${key} AS key FROM ${from} WHERE ${id} = m.id AND ${isListed} OFFSET 0
    ) f
    WHERE ${all([sql`(SELECT is_few FROM number)`, ...afterCursor(search, sql`f`)])}`;
  // IS TRUE keeps Postgres from turning it into a join, which would lose the order.
  const isMatch = sql`(${id} IN (SELECT m.id FROM m)) IS TRUE`;
  const passed = walk(search, [sql`NOT (SELECT is_few FROM number)`, isMatch, ...lacks(search, id)]);
  const rows = sql`
    (${firstPlaces(search, places)})
    UNION ALL
    (SELECT r.id, ${keyText(search)} FROM (${passed}) r)`;
  return withTotal(search, sql`m AS MATERIALIZED (${found})`, rows);
};

/** The ids of all that pass, whatever they lack. */
export const matches = (filters: ClientFilters): SQL => {
  const client = all(clientsToFind(filters));
  const presence = all(presencesToFind(filters));
  if (!filtersPresence(filters)) return sql`SELECT c.id FROM client c WHERE ${client}`;
  if (!filtersClient(filters)) return sql`SELECT p.client_id AS id FROM presence p WHERE ${presence}`;
  return sql`SELECT c.id FROM client c JOIN presence p ON p.client_id = c.id WHERE ${client} AND ${presence}`;
};

const firstPlaces = (search: Search, rows: SQL): SQL => sql`
  SELECT r.id, ${keyText(search)} AS "sortedBy"
  FROM (SELECT s.* FROM (${rows}) s ${orderBy(search, sql`s.key`, sql`s.id`)} OFFSET 0) r
  ${where(lacks(search, sql`r.id`))}
  LIMIT ${search.count}`;

const where = (conditions: readonly SQL[]): SQL => (conditions.length > 0 ? sql`WHERE ${all(conditions)}` : sql``);
