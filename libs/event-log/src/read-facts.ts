import type { Fact, FactType } from '#contracts';
import type { Queryable } from './database.js';
import { decodeFact, type StoredFact } from './upcasting.js';

export type FactQuery = {
  /** Facts of this lane, and those of the fleet, which are of no lane; without it all there are. */
  readonly lane?: number;
  /** Facts after this position. */
  readonly after: bigint;
  /** Facts up to this position, itself included. */
  readonly upTo?: bigint;
  readonly types?: readonly FactType[];
  readonly client?: string;
  readonly limit?: number;
};

/** Facts in the order of their positions. */
export const readFacts = async (db: Queryable, query: FactQuery): Promise<readonly Fact[]> => {
  const { lane, after, upTo, types, client, limit = 10_000 } = query;
  const all = db`true`;
  const select = (whose: typeof all) => db<StoredFact[]>`
    SELECT lane, position, id, type, schema_version, client_id, recorded_at, data, meta
    FROM event
    WHERE ${whose} AND position > ${after}
      ${upTo === undefined ? db`` : db`AND position <= ${upTo}`}
      ${types === undefined ? db`` : types.length === 1 ? db`AND type = ${types[0] ?? ''}` : db`AND type = ANY(${[...types]})`}
      ${client === undefined ? db`` : db`AND client_id = ${client}`}
    ORDER BY position
    LIMIT ${limit}`;
  if (lane === undefined) return (await select(all)).map(decodeFact);
  // Each half by its index; with OR, the planner goes through the facts of all lanes.
  const rows = await db<StoredFact[]>`
    (${select(db`lane = ${lane}`)}) UNION ALL (${select(db`lane IS NULL`)}) ORDER BY position LIMIT ${limit}`;
  return rows.map(decodeFact);
};
