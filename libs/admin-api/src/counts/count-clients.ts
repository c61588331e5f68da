import type { ClientListQuery } from '#contracts';
import type { Queryable } from '#event-log';

/** What a list of clients is filtered by. */
export type ClientFilters = Pick<ClientListQuery, 'status' | 'network' | 'group' | 'label' | 'q' | 'undelivered'>;

/**
 * How many clients pass the filters, exact, from the cohorts. Undefined where these cannot tell: they know no names and
 * ids, and no label that few clients carry, who are quickly counted by themselves.
 */
export const countClients = async (db: Queryable, filters: ClientFilters): Promise<number | undefined> => {
  if (filters.q) return undefined;
  const labels = (filters.label ?? []).map(labelOf);
  if (!(await areCounted(db, labels))) return undefined;
  const [row] = await db<{ total: number }[]>`
    SELECT coalesce(sum(c.clients), 0)::integer AS total
    FROM ${filters.undelivered === undefined ? db`cohort` : db`cohort_work(${filters.group ?? ''})`} c
    WHERE true ${ofPresence(db, filters)} ${inGroup(db, filters)} ${withLabels(db, labels)} ${lacking(db, filters)}`;
  return row?.total ?? 0;
};

type Label = readonly [key: string, value: string];

const labelOf = (pair: string): Label => {
  const colon = pair.indexOf(':');
  return [pair.slice(0, colon), pair.slice(colon + 1)];
};

const areCounted = async (db: Queryable, labels: readonly Label[]): Promise<boolean> => {
  if (labels.length === 0) return true;
  const [row] = await db<{ rare: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM unnest(${labels.map(([key]) => key)}::text[], ${labels.map(([, value]) => value)}::text[]) AS l (key, value)
      WHERE NOT EXISTS (SELECT FROM cohort_label n WHERE n.key = l.key AND n.value = l.value AND n.is_counted)
    ) AS rare`;
  return row?.rare === false;
};

const ofPresence = (db: Queryable, { status, network }: ClientFilters) => {
  if (status === undefined && network === undefined) return db``;
  const isClass = network === 'direct' || network === 'unreachable';
  return db`
    AND c.presence_id IN (
      SELECT id FROM cohort_presence WHERE true ${status === undefined ? db`` : db`AND status = ${status}`}
        ${network === undefined ? db`` : isClass ? db`AND network = ${network}` : db`AND network_name = ${network}`})`;
};

/** Work is counted by group anyway. */
const inGroup = (db: Queryable, { group, undelivered }: ClientFilters) =>
  group && undelivered === undefined
    ? db`AND c.group_id IN (SELECT id FROM group_node WHERE path = ${group} OR starts_with(path, ${`${group}/`}))`
    : db``;

const withLabels = (db: Queryable, labels: readonly Label[]) =>
  labels.length === 0
    ? db``
    : db`AND c.kind_id IN (
        SELECT id FROM cohort_kind WHERE ${labels.reduce(
          (all, label) => db`${all} AND labels @> ${JSON.stringify(Object.fromEntries([label]))}::text::jsonb`,
          db`true`,
        )})`;

const lacking = (db: Queryable, { undelivered }: ClientFilters) =>
  undelivered === undefined ? db`` : undelivered ? db`AND c.items > 0` : db`AND c.items = 0`;
