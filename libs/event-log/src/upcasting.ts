import { type Fact, type FactType, factVersions } from '#contracts';

/** Turns the data of one schema version of a fact into that of the next. Pure. */
export type Upcaster = (data: Record<string, unknown>) => Record<string, unknown>;

/** By type, the step from version n to n + 1 at index n - 1. */
const upcasters: Partial<Record<FactType, readonly Upcaster[]>> = {
  // Before connections were compared, each of the two had said which process it was.
  'client-copied': [(data) => data],
  'release-published': [
    // Before there were rollouts, every release was for all its clients at once.
    (data) => ({ ...data, rollout: null }),
    // Before keys had groups, whoever could publish could do so for all.
    (data) => ({ ...data, within: null }),
  ],
};

export const isFactType = (type: string): type is FactType => Object.hasOwn(factVersions, type);

/**
 * The data of a stored fact in today's shape.
 *
 * @throws when the type is unknown, or the version newer than this code
 */
export const upcast = (type: string, version: number, data: Record<string, unknown>): Record<string, unknown> => {
  if (!isFactType(type)) throw new Error(`The log holds a fact of the unknown type ${type}.`);
  const current = factVersions[type];
  if (version > current)
    throw new Error(`The log holds ${type} version ${version}; this Reachback knows up to ${current}.`);
  return (upcasters[type] ?? []).slice(version - 1).reduce((older, step) => step(older), data);
};

export type StoredFact = {
  readonly lane: number | null;
  readonly position: bigint;
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly client_id: string | null;
  readonly recorded_at: Date;
  readonly data: Record<string, unknown>;
  readonly meta: Record<string, unknown>;
};

/** A row of the table `event` as a fact. */
export const decodeFact = (row: StoredFact): Fact =>
  ({
    type: row.type,
    data: upcast(row.type, row.schema_version, row.data),
    client: row.client_id,
    meta: row.meta,
    lane: row.lane,
    position: row.position,
    id: row.id,
    recordedAt: row.recorded_at,
  }) as Fact;
