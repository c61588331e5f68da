import { sql } from 'drizzle-orm';
import type { ApiContext } from '../../context.js';

/** Clients from all over the fleet, by which to tell about how many have a part in their names. */
export type NameSample = {
  /** How many registered ever. */
  readonly fleet: number;
  /** Id and name of each, in lower case. */
  readonly names: readonly string[];
};

type Tables = ApiContext['tables'];

/** Clients whose names are read: some 8 ms. */
const sampled = 1_000;
/** For so long, in milliseconds, they are good enough: what they tell is an estimate, which only chooses the way. */
const lifetime = 10_000;

const samples = new WeakMap<Tables, { readonly sample: Promise<NameSample>; readonly until: number }>();

/** A sample that is a few seconds old at most; the same clients every time, as long as no others register. */
export const sampleNames = (tables: Tables): Promise<NameSample> => {
  const known = samples.get(tables);
  if (known && performance.now() < known.until) return known.sample;
  const sample = readNames(tables);
  samples.set(tables, { sample, until: performance.now() + lifetime });
  sample.catch(() => samples.delete(tables));
  return sample;
};

/** The share of the clients that have the part in their id or name; 1 where nobody is known. */
export const shareWith = ({ names }: NameSample, part: string): number => {
  if (names.length === 0) return 1;
  const wanted = part.toLowerCase();
  return names.filter((name) => name.includes(wanted)).length / names.length;
};

const readNames = async (tables: Tables): Promise<NameSample> => {
  const [row] = await tables.execute<NameSample>(sql`
    SELECT (SELECT sum(clients)::float8 FROM lane) AS fleet,
           coalesce(array_agg(lower(c.id || chr(31) || c.list_name)), '{}') AS names
    FROM lane l
    CROSS JOIN generate_series(1, ${sampled}::integer / (SELECT count(*)::integer FROM lane)) i
    CROSS JOIN LATERAL (
      SELECT c.id, c.list_name FROM client c
      WHERE c.lane = l.id AND c.ordinal = abs(hashint4(i)::bigint) * l.clients >> 31 AND c.removed_at IS NULL OFFSET 0
    ) c`);
  return row ?? { fleet: 0, names: [] };
};
