import { sql, type SQL } from 'drizzle-orm';
import {
  type ClientFilters,
  clientConditions,
  filtersClient,
  filtersPresence,
  hasTrigrams,
  presenceConditions,
} from './filters.js';
import { all, isAfter, keyText, lacks, orderBy, type Search } from './search.js';
import { walk } from './walk.js';

/** Clients whose places in the order are looked up, each by its id: some 15 ms. */
const looksUp = 5_000;

/** The page by collecting what passes by the indexes of the filters, however rare it is in the order of the list. */
export const gather = (search: Search): SQL => (knowsAll(search) ? sortMatches(search) : placeMatches(search));

/** Whether the source's table has all that is filtered by. A part without trigrams is looked for in an index of names. */
const knowsAll = ({ source: { table }, filters }: Search): boolean =>
  table === 'client'
    ? !filtersPresence(filters) && (filters.part === undefined || hasTrigrams(filters.part))
    : !filtersClient(filters);

const sortMatches = (search: Search): SQL => {
  const { source, filters } = search;
  const conditions = source.table === 'client' ? clientConditions(filters) : presenceConditions(filters);
  const { id, key, from } = source;
  return sql`
    WITH m AS MATERIALIZED (SELECT ${id} AS id, ${key} AS key FROM ${from} WHERE ${all(conditions)})
    ${firstPlaces(search, sql`SELECT m.* FROM m WHERE ${all([sql`true`, ...afterCursor(search, sql`m`)])}`)}`;
};

const afterCursor = (search: Search, row: SQL): readonly SQL[] =>
  isAfter({ ...search, source: { ...search.source, key: sql`${row}.key`, id: sql`${row}.id`, arms: undefined } });

/** A few matches are looked up in the source; many are kept in mind while the source is gone through. */
const placeMatches = (search: Search): SQL => {
  const { source, filters } = search;
  const { id, key, from } = source;
  // The cursor is left to the outside: within, an index of the order would seem to serve better than the id.
  const found = sql`
    SELECT f.id, f.key FROM m CROSS JOIN LATERAL (
      SELECT ${id} AS id, ${key} AS key FROM ${from} WHERE ${id} = m.id AND ${source.isListed} OFFSET 0
    ) f
    WHERE ${all([sql`(SELECT is_few FROM number)`, ...afterCursor(search, sql`f`)])}`;
  // IS TRUE keeps Postgres from turning it into a join, which would lose the order.
  const isMatch = sql`(${id} IN (SELECT m.id FROM m)) IS TRUE`;
  const passed = walk(search, [sql`NOT (SELECT is_few FROM number)`, isMatch, ...lacks(filters, id)]);
  return sql`
    WITH m AS MATERIALIZED (${matches(filters)}),
    number AS MATERIALIZED (SELECT count(*) <= ${looksUp} AS is_few FROM (SELECT FROM m LIMIT ${looksUp + 1}) n)
    (${firstPlaces(search, found)})
    UNION ALL
    (SELECT r.id, ${keyText(search)} FROM (${passed}) r)`;
};

/** The ids of all that pass; what they lack is asked later, in the order of the list. */
const matches = (filters: ClientFilters): SQL => {
  const client = all(clientConditions(filters));
  const presence = all(presenceConditions(filters));
  if (!filtersPresence(filters)) return sql`SELECT c.id FROM client c WHERE ${client}`;
  if (!filtersClient(filters)) return sql`SELECT p.client_id AS id FROM presence p WHERE ${presence}`;
  return sql`SELECT c.id FROM client c JOIN presence p ON p.client_id = c.id WHERE ${client} AND ${presence}`;
};

const firstPlaces = (search: Search, rows: SQL): SQL => sql`
  SELECT r.id, ${keyText(search)} AS "sortedBy"
  FROM (SELECT s.* FROM (${rows}) s ${orderBy(search, sql`s.key`, sql`s.id`)} OFFSET 0) r
  ${where(lacks(search.filters, sql`r.id`))}
  LIMIT ${search.count}`;

const where = (conditions: readonly SQL[]): SQL => (conditions.length > 0 ? sql`WHERE ${all(conditions)}` : sql``);
