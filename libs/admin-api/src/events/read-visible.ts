import type { Fact, FactType } from '#contracts';
import { decodeFact, type FactQuery, type Queryable, readFacts, type StoredFact } from '#event-log';
import type { Scope } from '../access/scope.js';

/** Facts looked at for one page, from a scope that sees few of them. */
const looksAt = 5_000;

export type EventsAsked = {
  readonly after: bigint;
  readonly client: string | undefined;
  readonly type: FactType | undefined;
  readonly limit: number;
};
export type EventsPage = { readonly facts: readonly Fact[]; readonly next: bigint | null };

/**
 * The next facts that a caller may see, and after which position there are more to look at. From a group's scope: those
 * about clients that are in it now, or were when they were removed; about settings of groups in it; and about releases
 * that are for nobody outside. Then a page may end before it is full.
 */
export const readVisibleFacts = async (db: Queryable, scope: Scope, asked: EventsAsked): Promise<EventsPage> => {
  const { after, client, type, limit } = asked;
  const query: FactQuery = {
    after,
    ...(client === undefined ? {} : { client }),
    ...(type === undefined ? {} : { types: [type] }),
  };
  if (scope.isFleet) return pageOf(await readFacts(db, { ...query, limit: limit + 1 }), limit, null);
  const whose = db`position > ${after} ${client === undefined ? db`` : db`AND client_id = ${client}`}
    ${type === undefined ? db`` : db`AND type = ${type}`}`;
  const [seen] = await db<{ end: bigint | null; count: number }[]>`
    SELECT max(position) AS end, count(*)::integer AS count
    FROM (SELECT position FROM event WHERE ${whose} ORDER BY position LIMIT ${looksAt}) s`;
  if (!seen?.end) return { facts: [], next: null };
  const rows = await db<StoredFact[]>`
    SELECT lane, position, id, type, schema_version, client_id, recorded_at, data, meta
    FROM (SELECT * FROM event WHERE ${whose} AND position <= ${seen.end} ORDER BY position OFFSET 0) e
    WHERE ${isVisible(db, scope)}
    ORDER BY position LIMIT ${limit + 1}`;
  return pageOf(rows.map(decodeFact), limit, seen.count === looksAt ? seen.end : null);
};

const pageOf = (found: readonly Fact[], limit: number, end: bigint | null): EventsPage => {
  const facts = found.slice(0, limit);
  return { facts, next: found.length > limit ? (facts.at(-1)?.position ?? null) : end };
};

const isVisible = (db: Queryable, scope: Scope) => {
  const covers = (path: ReturnType<typeof db>) => db`is_within(${path}, ${scope.group})`;
  return db`CASE
    WHEN client_id IS NOT NULL THEN EXISTS (
      SELECT FROM client c WHERE c.id = e.client_id ${scope.condition(db, 'c.group_path')} OFFSET 0)
    WHEN type IN ('settings-changed', 'settings-held')
      THEN data->'level'->>'scope' = 'group' AND ${covers(db`data->'level'->>'path'`)}
    WHEN type = 'group-removed'
      THEN ${covers(db`data->>'path'`)} AND (data->>'moveClientsTo' IS NULL OR ${covers(db`data->>'moveClientsTo'`)})
    WHEN type LIKE 'release-%' THEN EXISTS (
      SELECT FROM release r
      WHERE r.id = (e.data->>'id')::uuid
        AND (${covers(db`coalesce(r.to_within, '')`)} OR (NOT r.to_all AND NOT r.to_named AND r.to_groups IS NOT NULL
          AND NOT EXISTS (SELECT FROM unnest(r.to_groups) g (path) WHERE NOT ${covers(db`g.path`)})))
      OFFSET 0)
    ELSE false
  END`;
};
