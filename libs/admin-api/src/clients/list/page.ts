import { type SQL, sql } from 'drizzle-orm';
import type { ApiContext } from '../../context.js';
import type { Expected } from './expect.js';
import { type ClientFilters, filtersClient, filtersPresence, isNamed, subtree } from './filters.js';
import { gather, gatherLacking, keepsAnyway } from './gather.js';
import { keyText, type PageQuery, type Place, type Search } from './search.js';
import { residualOf, sourceOf } from './source.js';
import { walk, walkSome } from './walk.js';

/**
 * The next places of a list; `end` is where the search for them was left off, where there may be more after it. `total` is
 * how many pass in all, where they were collected.
 */
export type FoundPlaces = { readonly places: readonly Place[]; readonly end?: Place; readonly total?: number };

/** Clients that are looked at in the order of the list: some 2 ms, or 10 where each is looked up by its id elsewhere. */
const looksAt = 1_500;
/** Likewise where each one's queue must be composed, which takes several times as long. */
const composes = 400;
/** As many in all where more than a few pass, but too few of them are near: some 50 ms where each is looked up. */
const looksFurther = 6_000;
/** Groups of which each one's first places are read: of 51, each with 101 at most, some 8 ms. */
const manyGroups = 64;
/** Read of all groups together for each place of a page. */
const readsPerPlace = 2;
/** Where so many of those who pass the other filters lack something, or nothing, few queues are composed for a page. */
const composable = 0.25;
/** Of a page: where fewer are to be expected among those near, going through the order hardly ever fills it. */
const hardlyNear = 0.5;
/** Clients that are kept in mind while an index is gone through: some 80 ms. */
const keepsInMind = 60_000;

/**
 * The next places of a list. What filters pass may be anybody from everyone to no one, and lie anywhere in the order, so
 * no way is good for all of them. They are tried in turn, until the page is full (ADR 0010):
 *
 * - Those who are {@link isFewFarBetween few and far between} are collected by the index of names, or of labels.
 * - An index in the order of the list is gone through, for a bounded number of clients. Where one in fifteen passes or
 *   more, that fills the page.
 * - The cohorts know how many pass by most filters. Where these are few, they are collected and sorted: those who lack
 *   something from the cohorts that do, others by the indexes of the filters.
 * - Where they are many, the order is gone through further, and the page ends early if that does not fill it: the next
 *   begins where this one was left off. If nobody was met at all, they lie close together far away: as far as they can be
 *   kept in mind, the index is gone through to its end without touching the row of anybody who does not pass.
 */
export const selectPage = async (
  tables: ApiContext['tables'],
  filters: ClientFilters,
  query: PageQuery,
  expected: () => Promise<Expected>,
): Promise<FoundPlaces> => {
  const isWide = filters.group !== undefined && (await isWideGroup(tables, filters.group));
  const search: Search = { ...query, filters, source: sourceOf(query.sort, filters, isWide) };
  if (!isFiltered(residualOf(search))) return { places: await readOn(tables, search) };
  if (filtersClient(filters)) {
    const known = await expected();
    if (isFewFarBetween(filters, known, query.count)) return collect(tables, knowing(search, known));
  }
  const nearby = filters.undelivered === undefined ? looksAt : composes;
  const near = await look(tables, search, nearby);
  if (isDone(near, query)) return near;
  const ofFew = filters.undelivered === undefined ? undefined : await lookAtFew(tables, search);
  if (ofFew) return ofFew;
  const known = await expected();
  const { clients, about } = known;
  if (clients === 0) return { places: [] };
  const informed = knowing(search, known);
  if (about <= keepsAnyway && isCollectable(filters)) return collect(tables, informed);
  const far = await lookFurther(tables, informed, near, looksFurther - nearby);
  const isLost = !isDone(far, query) && far.places.length === 0;
  return isLost && about <= keepsInMind && isCollectable(filters) ? collect(tables, informed) : far;
};

/** The search with what it is then put together by. */
const knowing = (search: Search, { isPartCommon, lackingShare }: Expected): Search => ({
  ...search,
  filters: { ...search.filters, isPartCommon },
  isByCohort: lackingShare < composable,
});

const isWideGroup = async (tables: ApiContext['tables'], group: string): Promise<boolean> => {
  const [row] = await tables.execute<{ readonly isWide: boolean }>(sql`
    SELECT count(*) > ${manyGroups} AS "isWide" FROM (SELECT FROM (${subtree(group)}) g LIMIT ${manyGroups + 1}) n`);
  return row?.isWide === true;
};

/**
 * Whether those who pass are found by the index of names, or of labels, and so few that a part of the order is not worth
 * going through: then they are collected at once, and counted by that.
 */
export const isFewFarBetween = (filters: ClientFilters, known: Expected, count: number): boolean => {
  const { about, fleet, isRare, isPartCommon } = known;
  const isIndexed = isRare || isNamed({ ...filters, isPartCommon });
  const areHardlyNear = about * looksAt <= fleet * count * hardlyNear;
  return isIndexed && filters.undelivered === undefined && about <= keepsAnyway && areHardlyNear;
};

const collect = async (tables: ApiContext['tables'], search: Search): Promise<FoundPlaces> => {
  const rows = await tables.execute<Partial<Place> & { readonly total: number }>(gather(search));
  const places = placesOf(rows);
  const [first] = rows;
  return first && search.filters.undelivered === undefined ? { places, total: first.total } : { places };
};

/** The places after the cursor, all of which pass. */
const readOn = async (tables: ApiContext['tables'], search: Search): Promise<readonly Place[]> => {
  if (search.source.settles !== 'group') return tables.execute<Place>(walkAll(search));
  // Each of many groups has few of the first places, unless one has most of the clients.
  const near = await look(tables, search, search.count * readsPerPlace);
  if (isDone(near, search)) return near.places;
  return [...near.places, ...(await tables.execute<Place>(walkAll(restOf(search, near))))];
};

const walkAll = (search: Search): SQL => sql`SELECT r.id, ${keyText(search)} AS "sortedBy" FROM (${walk(search)}) r`;

/** The page out of those who lack something, or nothing; undefined where these are not few. */
const lookAtFew = async (tables: ApiContext['tables'], search: Search): Promise<FoundPlaces | undefined> => {
  const rows = await tables.execute<Partial<Place> & { readonly isFew: boolean }>(gatherLacking(search));
  return rows[0]?.isFew ? { places: placesOf(rows) } : undefined;
};

const placesOf = (rows: readonly Partial<Place>[]): readonly Place[] =>
  rows.flatMap(({ id, sortedBy }) => (id && sortedBy !== undefined ? [{ id, sortedBy }] : []));

const look = async (tables: ApiContext['tables'], search: Search, bound: number): Promise<FoundPlaces> => {
  const rows = await tables.execute<Partial<Place> & { readonly endId: string | null; readonly endKey: string }>(
    walkSome(search, bound),
  );
  const places = placesOf(rows);
  const [first] = rows;
  return first?.endId ? { places, end: { id: first.endId, sortedBy: first.endKey } } : { places };
};

/** Goes on where the search for a page was left off. */
const lookFurther = async (
  tables: ApiContext['tables'],
  search: Search,
  near: FoundPlaces,
  bound: number,
): Promise<FoundPlaces> => {
  const far = await look(tables, restOf(search, near), bound);
  return { ...far, places: [...near.places, ...far.places] };
};

/** What is yet to be found, from where the search was left off. */
const restOf = (search: Search, { places, end }: FoundPlaces): Search => ({
  ...search,
  after: end,
  count: search.count - places.length,
});

const isDone = ({ places, end }: FoundPlaces, { count }: PageQuery): boolean =>
  end === undefined || places.length === count;

const isCollectable = (filters: ClientFilters): boolean =>
  filters.group !== undefined || filtersClient(filters) || filtersPresence(filters);

const isFiltered = (residual: ClientFilters): boolean => residual.undelivered !== undefined || isCollectable(residual);
