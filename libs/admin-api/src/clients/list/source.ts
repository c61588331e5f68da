import { sql, type SQL } from 'drizzle-orm';
import { type ClientSort, statuses } from '#contracts';
import { type ClientFilters, subtree } from './filters.js';

/** Where clients can be read from in the order that is asked for: an index, or several whose rows are merged. */
export type Source = {
  readonly table: 'client' | 'presence';
  /** What the list is sorted by, then by id; columns of the table. */
  readonly key: SQL;
  readonly keyType: 'text' | 'timestamptz';
  readonly id: SQL;
  /** The table under the name that the columns go by. */
  readonly from: SQL;
  /** One index scan for each value of the column: of a status, or of a group. */
  readonly arms: { readonly column: SQL; readonly values: SQL } | undefined;
  readonly isListed: SQL;
  /** The status that all rows have, or all of an arm, where they are sorted by it. */
  readonly status?: SQL | undefined;
  /** What the arms have settled already. */
  readonly settles: 'group' | 'statuses' | undefined;
};

const clientKeys = {
  id: { key: sql`c.id`, keyType: 'text' },
  name: { key: sql`c.list_name`, keyType: 'text' },
  registeredAt: { key: sql`c.registered_at`, keyType: 'timestamptz' },
} as const;
const presenceKeys = {
  id: { key: sql`p.client_id`, keyType: 'text' },
  status: { key: sql`p.status`, keyType: 'text' },
  since: { key: sql`p.since`, keyType: 'timestamptz' },
} as const;

/**
 * Every sort has an index for all clients, and one for those of a group or of a status, where rows may lie far apart.
 * Not so if the group `isWide`: if it has so many below it that its clients are met in the order of all sooner than the
 * first places of each of them are read.
 */
export const sourceOf = (sort: ClientSort, asked: ClientFilters, isWide: boolean): Source => {
  const filters = isWide ? { ...asked, group: undefined } : asked;
  if (sort === 'since') return presenceBy('since', filters.group === undefined ? 'statuses' : 'group', filters);
  if (sort === 'status') return byStatus(filters);
  const isByStatus = sort === 'id' && filters.group === undefined && filters.statuses !== undefined;
  return isByStatus ? presenceBy('id', 'statuses', filters) : clientBy(sort, filters);
};

/** In the order of ids where all have one status: so the clients of a group are read from its index. */
const byStatus = (filters: ClientFilters): Source => {
  const { group, statuses: wanted } = filters;
  const [only] = wanted ?? [];
  if (group !== undefined && only !== undefined && wanted?.length === 1) {
    const status = sql`${only}::text`;
    return { ...clientBy('id', filters), key: status, status };
  }
  return { ...presenceBy('status', wanted && 'statuses', filters), status: wanted && sql`a.arm` };
};

const clientBy = (sort: keyof typeof clientKeys, { group }: ClientFilters): Source => ({
  ...clientKeys[sort],
  table: 'client',
  id: sql`c.id`,
  from: sql`client c`,
  isListed: sql`c.removed_at IS NULL`,
  arms: group === undefined ? undefined : { column: sql`c.group_path`, values: subtree(group) },
  settles: group === undefined ? undefined : 'group',
});

const presenceBy = (
  sort: keyof typeof presenceKeys,
  settles: 'group' | 'statuses' | undefined,
  { group = '', statuses: wanted = statuses }: ClientFilters,
): Source => ({
  ...presenceKeys[sort],
  table: 'presence',
  id: sql`p.client_id`,
  from: sql`presence p`,
  isListed: sql`p.cause NOT IN ('uninstalled', 'inactive')`,
  arms:
    settles &&
    {
      group: { column: sql`p.group_path`, values: subtree(group) },
      statuses: { column: sql`p.status`, values: sql`SELECT unnest(${`{${wanted.join()}}`}::text[])` },
    }[settles],
  settles,
});

/** The filters that the source's arms leave to be checked. */
export const residualOf = ({ source, filters }: { source: Source; filters: ClientFilters }): ClientFilters =>
  source.settles === undefined ? filters : { ...filters, [source.settles]: undefined };
