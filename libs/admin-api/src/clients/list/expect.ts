import { sql } from 'drizzle-orm';
import type { ClientListQuery } from '#contracts';
import type { ApiContext } from '../../context.js';
import { type CohortCount, countCohorts } from '../../counts/count-clients.js';
import { hasPart } from './filters.js';

/** What is known of a list before anybody is looked at. */
export type Expected = CohortCount & {
  /** About how many clients pass: with `q` an estimate, from a sample of names; 0 with a label that few carry. */
  readonly about: number;
  /** About how many clients are to be looked at to find those with the part of a name, whatever else is filtered by. */
  readonly named: number;
  /** Whether other filters leave fewer clients than have the part of a name. */
  readonly isPartCommon: boolean;
  /** How many registered ever; 0 where nobody asked. */
  readonly fleet: number;
};

/** Names that are looked at to tell how many clients have a part: some 4 ms. */
const sampled = 500;

export const expectOf = async (
  { db, tables }: Pick<ApiContext, 'db' | 'tables'>,
  query: ClientListQuery,
): Promise<Expected> => {
  const [counted, { fleet, share }] = await Promise.all([countCohorts(db, query), sample(tables, query.q ?? '')]);
  const { clients, isRare } = counted;
  const parts = fleet * share;
  const isPartCommon = isRare || parts > clients;
  return { ...counted, fleet, about: isRare ? 0 : clients * share, named: Math.min(clients, parts), isPartCommon };
};

type Sample = { readonly fleet: number; readonly share: number };

/** The share of the clients that have a part in their id or name, of a sample that is the same every time. */
const sample = async (tables: ApiContext['tables'], part: string): Promise<Sample> => {
  if (part === '') return { fleet: 0, share: 1 };
  const [row] = await tables.execute<Sample>(sql`
    SELECT (SELECT sum(clients)::float8 FROM lane) AS fleet,
           coalesce((count(*) FILTER (WHERE ${hasPart(part)}))::float8 / nullif(count(*), 0), 1) AS share
    FROM lane l
    CROSS JOIN generate_series(1, ${sampled}::integer / (SELECT count(*)::integer FROM lane)) i
    CROSS JOIN LATERAL (
      SELECT c.id, c.list_name FROM client c
      WHERE c.lane = l.id AND c.ordinal = abs(hashint4(i)::bigint) * l.clients >> 31 AND c.removed_at IS NULL OFFSET 0
    ) c`);
  return row ?? { fleet: 0, share: 1 };
};
