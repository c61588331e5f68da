import type { ClientListQuery } from '#contracts';
import type { ApiContext } from '../../context.js';
import { type CohortCount, countCohorts } from '../../counts/count-clients.js';
import { type NameSample, sampleNames, shareWith } from './sample-names.js';

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

const nobody: NameSample = { fleet: 0, names: [] };

export const expectOf = async (
  { db, tables }: Pick<ApiContext, 'db' | 'tables'>,
  query: ClientListQuery,
): Promise<Expected> => {
  const part = query.q ?? '';
  const [counted, sample] = await Promise.all([countCohorts(db, query), part === '' ? nobody : sampleNames(tables)]);
  const { clients, isRare } = counted;
  const { fleet } = sample;
  const share = shareWith(sample, part);
  const parts = fleet * share;
  const isPartCommon = isRare || parts > clients;
  return { ...counted, fleet, about: isRare ? 0 : clients * share, named: Math.min(clients, parts), isPartCommon };
};
