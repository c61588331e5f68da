import { sql, type SQL } from 'drizzle-orm';
import { type ClientListQuery, type Status, statuses } from '#contracts';
import { statusOf } from '#domain';

/** What clients are filtered by, taken apart by the table that knows it. */
export type ClientFilters = {
  /** Any of these; undefined is every status. The class of a network shows in the status (R2). */
  readonly statuses: readonly Status[] | undefined;
  readonly networkName: string | undefined;
  readonly group: string | undefined;
  readonly labels: readonly string[];
  readonly part: string | undefined;
  /** Whether other filters leave fewer clients than have the part, which is then looked for in what these leave. */
  readonly isPartCommon?: boolean;
  readonly undelivered: boolean | undefined;
};

export const filtersOf = ({ status, network, group, label, q, undelivered }: ClientListQuery): ClientFilters => {
  const isClass = network === undefined || network === 'direct' || network === 'unreachable';
  // Whoever is in a network that has a name is unreachable (R1).
  const wantedClass = isClass ? network : 'unreachable';
  const ofClass = wantedClass ? [statusOf(wantedClass, true), statusOf(wantedClass, false)] : statuses;
  const wanted = ofClass.filter((one) => status === undefined || one === status);
  return {
    statuses: wanted.length < statuses.length ? wanted : undefined,
    networkName: isClass ? undefined : network,
    group: group || undefined,
    labels: label ?? [],
    part: q || undefined,
    undelivered,
  };
};

/** The paths of a group and of all below it. */
export const subtree = (group: string): SQL => sql`SELECT path FROM group_node WHERE is_within(path, ${group})`;

/**
 * Conditions on `client`, named `c`, whose row is at hand; its removal is one. To look for its group among all of a
 * {@link subtree} may take 0.1 ms.
 */
export const clientConditions = ({ group, labels, part }: ClientFilters): readonly SQL[] => {
  const conditions = [sql`c.removed_at IS NULL`];
  if (group !== undefined) conditions.push(sql`is_within(c.group_path, ${group})`);
  for (const label of labels) {
    const colon = label.indexOf(':');
    const wanted = JSON.stringify({ [label.slice(0, colon)]: label.slice(colon + 1) });
    conditions.push(sql`c.labels @> ${wanted}::jsonb`);
  }
  if (part !== undefined) conditions.push(hasPart(part));
  return conditions;
};

/** The same for clients that are yet to be found: by the index of names, or else by that of groups. */
export const clientsToFind = (filters: ClientFilters): readonly SQL[] => {
  const { part, group } = filters;
  if (part !== undefined && isNamed(filters))
    return [sql`name_parts(c.id, c.list_name) @@ name_query(${part})`, ...clientConditions(filters)];
  if (group === undefined) return clientConditions(filters);
  return [sql`c.group_path = ANY(ARRAY(${subtree(group)}))`, ...clientConditions({ ...filters, group: undefined })];
};

/** Whether the index of names is what finds clients best. */
export const isNamed = ({ part, isPartCommon }: ClientFilters): boolean => part !== undefined && !isPartCommon;

/** What stands between id and name there is looked for in each of them, lest it be found across the two. */
export const hasPart = (part: string): SQL => {
  const like = `%${escapeLike(part)}%`;
  return part.includes('\u001f')
    ? sql`(c.id ILIKE ${like} OR c.list_name ILIKE ${like})`
    : sql`(c.id || chr(31) || c.list_name) ILIKE ${like}`;
};

/** Conditions on `presence`, named `p`; the indexes of lists leave removed clients out by the cause. */
export const presenceConditions = ({ group, statuses: wanted, networkName }: ClientFilters): readonly SQL[] => {
  const conditions = [sql`p.cause NOT IN ('uninstalled', 'inactive')`];
  if (group !== undefined) conditions.push(sql`is_within(p.group_path, ${group})`);
  if (wanted !== undefined) conditions.push(sql`p.status IN ${wanted.length > 0 ? wanted : [null]}`);
  if (networkName !== undefined) conditions.push(sql`p.network_name = ${networkName}`);
  return conditions;
};

/** The same for presences that are yet to be found. */
export const presencesToFind = (filters: ClientFilters): readonly SQL[] => {
  const { group } = filters;
  if (group === undefined || isNamed(filters)) return presenceConditions(filters);
  return [sql`p.group_path = ANY(ARRAY(${subtree(group)}))`, ...presenceConditions({ ...filters, group: undefined })];
};

export const filtersClient = ({ labels, part }: ClientFilters): boolean => labels.length > 0 || part !== undefined;
export const filtersPresence = ({ statuses: wanted, networkName }: ClientFilters): boolean =>
  wanted !== undefined || networkName !== undefined;

/** Backslash, `%` and `_` stand for themselves. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
