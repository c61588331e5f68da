import { sql, type SQL } from 'drizzle-orm';
import type { ApiContext } from '../../context.js';
import { type ClientFilters, filtersClient, filtersPresence } from './filters.js';
import { gather } from './gather.js';
import { keyText, lacks, type PageQuery, type Place, type Search } from './search.js';
import { residualOf, sourceOf } from './source.js';
import { walk, walkSome } from './walk.js';

/**
 * The next places of a list. What filters pass may be anybody from everyone to no one, and lie anywhere in the order, so
 * neither going through the order nor collecting what passes is good for all of them. It does the one and, if that does
 * not fill the page, the other:
 *
 * - An index in the order of the list is gone through, for a bounded number of clients. Where one in fifteen passes or
 *   more, that fills the page.
 * - Else what passes is collected by the indexes of the filters and sorted. If it is too much to look up each one's place,
 *   the order is gone through after all, without touching the row of anybody who does not pass.
 */
export const selectPage = async (
  tables: ApiContext['tables'],
  filters: ClientFilters,
  query: PageQuery,
): Promise<readonly Place[]> => {
  const search = { ...query, filters, source: sourceOf(query.sort, filters) };
  const run = async (statement: SQL): Promise<readonly Place[]> => tables.execute<Place>(statement);
  if (!isFiltered(residualOf(search))) return run(walkAll(search));
  const rows = await tables.execute<Place & { readonly isWhole: boolean }>(walkSome(search));
  const found = rows.filter(({ id }) => id !== null);
  if (found.length === query.count || rows[0]?.isWhole) return found;
  return run(isCollectable(filters) ? gather(search) : walkAll(search));
};

const walkAll = (search: Search): SQL => {
  const { filters, source } = search;
  return sql`SELECT r.id, ${keyText(search)} AS "sortedBy" FROM (${walk(search, lacks(filters, source.id))}) r`;
};

const isCollectable = (filters: ClientFilters): boolean =>
  filters.group !== undefined || filtersClient(filters) || filtersPresence(filters);

const isFiltered = (residual: ClientFilters): boolean => residual.undelivered !== undefined || isCollectable(residual);
