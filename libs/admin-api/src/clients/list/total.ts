import { sql, type SQL } from 'drizzle-orm';
import type { ApiContext } from '../../context.js';
import type { Expected } from './expect.js';
import { type ClientFilters, clientsToFind, filtersPresence, hasPart, presencesToFind } from './filters.js';
import { lackingMatches, looksUp, matches } from './gather.js';
import { all, lackingFirst, lacks, named } from './search.js';

/** Clients that are counted one by one beside a page: some 50 ms. */
const counts = 20_000;
/** Clients whose names are all looked at for it: some 50 ms. */
const reads = 100_000;

/**
 * How many clients pass the filters, exact: from the cohorts, or one by one where these cannot tell. Null where that
 * would take longer than the page, unless it `isAsked` for: in a fleet of more than 100,000, where more than 20,000 have
 * the part of a name, and more than that pass all else.
 */
export const countList = async (
  tables: ApiContext['tables'],
  filters: ClientFilters,
  expected: Expected,
  isAsked: boolean,
): Promise<number | null> => {
  const { clients, lacking, isExact, isRare, named: looked, fleet, isPartCommon } = expected;
  if (isExact || clients === 0) return clients;
  const isFew = filters.undelivered !== undefined && lacking <= looksUp;
  const isMany = !isFew && !isRare && looked > counts;
  if (isMany && fleet > reads && !isAsked) return null;
  const rows = isFew ? lackingMatches(filters) : isMany ? fromNames(filters) : matches({ ...filters, isPartCommon });
  const search = { filters, isByCohort: true };
  const conditions = all([sql`true`, ...(isFew ? [] : lacks(search, sql`m.id`))]);
  const [row] = await tables.execute<{ total: number }>(sql`
    ${named([...lackingFirst(search), sql`m AS MATERIALIZED (${rows})`])}
    SELECT count(*)::integer AS total FROM m WHERE ${conditions}`);
  return row?.total ?? 0;
};

/** Where most names have the part, all are read, in the index that is in their order. */
const fromNames = (filters: ClientFilters): SQL => {
  const { part = '', group, labels } = filters;
  const others = { ...filters, part: undefined };
  const names = sql`
    SELECT c.id FROM (
      SELECT c.id, c.list_name FROM client c WHERE c.removed_at IS NULL ORDER BY c.list_name, c.id OFFSET 0
    ) c WHERE ${hasPart(part)}`;
  const wanted: SQL[] = [];
  if (filtersPresence(filters))
    wanted.push(sql`n.id IN (SELECT p.client_id FROM presence p WHERE ${all(presencesToFind(others))})`);
  if (group !== undefined || labels.length > 0)
    wanted.push(sql`n.id IN (SELECT c.id FROM client c WHERE ${all(clientsToFind(others))})`);
  return sql`SELECT n.id FROM (${names}) n WHERE ${all([sql`true`, ...wanted])}`;
};
