import type { Fact, FactType } from '#contracts';
import type { Queryable } from './database.js';
import { decodeFact, type StoredFact } from './upcasting.js';

export type FactQuery = {
  readonly lane: number;
  /** Facts after this position. */
  readonly after: bigint;
  /** Facts up to this position, itself included. */
  readonly upTo?: bigint;
  readonly types?: readonly FactType[];
  readonly client?: string;
  readonly limit?: number;
};

/** Facts of a lane in the order of their positions. */
export const readFacts = async (db: Queryable, query: FactQuery): Promise<readonly Fact[]> => {
  const { lane, after, upTo, types, client, limit = 10_000 } = query;
  const rows = await db<StoredFact[]>`
    SELECT lane, position, id, type, schema_version, client_id, recorded_at, data, meta
    FROM event
    WHERE lane = ${lane} AND position > ${after}
      ${upTo === undefined ? db`` : db`AND position <= ${upTo}`}
      ${types === undefined ? db`` : types.length === 1 ? db`AND type = ${types[0] ?? ''}` : db`AND type = ANY(${[...types]})`}
      ${client === undefined ? db`` : db`AND client_id = ${client}`}
    ORDER BY position
    LIMIT ${limit}`;
  return rows.map(decodeFact);
};
