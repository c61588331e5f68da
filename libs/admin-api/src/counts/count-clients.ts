import type { ClientListQuery } from '#contracts';
import type { Queryable } from '#event-log';

/** What a list of clients is filtered by. */
export type ClientFilters = Pick<ClientListQuery, 'status' | 'network' | 'group' | 'label' | 'q' | 'undelivered'>;

/** What the cohorts know of a list. */
export type CohortCount = {
  /** How many clients pass the filters that the cohorts know: all but `q`, and labels that few clients carry. */
  readonly clients: number;
  /** Of the group, whoever lacks something, or nothing, as is filtered by. */
  readonly lacking: number;
  /** The share of those who pass the other filters. */
  readonly lackingShare: number;
  /** Whether a label is asked for that few clients carry. */
  readonly isRare: boolean;
  /** Whether these were all filters, so that `clients` is how many pass. */
  readonly isExact: boolean;
};

/**
 * How many clients pass the filters, exact, from the cohorts. Undefined where these cannot tell: they know no names and
 * ids, and no label that few clients carry, who are quickly counted by themselves.
 */
export const countClients = async (db: Queryable, filters: ClientFilters): Promise<number | undefined> => {
  const { clients, isExact } = await countCohorts(db, filters);
  return isExact ? clients : undefined;
};

/** Counts by the filters that the cohorts know, in one pass over them (ADR 0008). */
export const countCohorts = async (db: Queryable, filters: ClientFilters): Promise<CohortCount> => {
  const given = (filters.label ?? []).map(labelOf);
  const labels = given.length > 0 ? await countedOf(db, given) : [];
  const isRare = labels.length < given.length;
  const passes = db`true ${ofPresence(db, filters)} ${inGroup(db, filters)} ${withLabels(db, labels)}`;
  const { group = '', undelivered } = filters;
  const isWanted = undelivered ? db`c.items > 0` : db`c.items = 0`;
  const [row] = await (undelivered === undefined
    ? db<
        Sums[]
      >`SELECT sum(c.clients)::integer AS clients FROM ${group ? db`cohort` : db`cohort_sum`} c WHERE ${passes}`
    : db<Sums[]>`
        SELECT (sum(c.clients) FILTER (WHERE ${isWanted}))::integer AS lacking,
               (sum(c.clients) FILTER (WHERE ${isWanted} AND ${passes}))::integer AS clients,
               (sum(c.clients) FILTER (WHERE ${passes}))::integer AS others
        FROM cohort_work(${group}) c`);
  const clients = row?.clients ?? 0;
  const lackingShare = row?.others ? clients / row.others : 1;
  return { clients, lacking: row?.lacking ?? 0, lackingShare, isRare, isExact: !isRare && !filters.q };
};
type Sums = { readonly clients: number | null; readonly lacking?: number | null; readonly others?: number | null };

type Label = readonly [key: string, value: string];

const labelOf = (pair: string): Label => {
  const colon = pair.indexOf(':');
  return [pair.slice(0, colon), pair.slice(colon + 1)];
};

/** Those of the labels that tell cohorts apart. */
const countedOf = async (db: Queryable, labels: readonly Label[]): Promise<readonly Label[]> => {
  const rows = await db<{ key: string; value: string }[]>`
    SELECT n.key, n.value
    FROM unnest(${labels.map(([key]) => key)}::text[], ${labels.map(([, value]) => value)}::text[]) AS l (key, value)
    JOIN cohort_label n ON n.key = l.key AND n.value = l.value AND n.is_counted`;
  return rows.map(({ key, value }): Label => [key, value]);
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
    ? db`AND c.group_id IN (SELECT id FROM group_node WHERE is_within(path, ${group}))`
    : db``;

const withLabels = (db: Queryable, labels: readonly Label[]) =>
  labels.length === 0
    ? db``
    : db`AND c.kind_id IN (
        SELECT id FROM cohort_kind WHERE ${labels.reduce(
          (all, label) => db`${all} AND labels @> ${JSON.stringify(Object.fromEntries([label]))}::text::jsonb`,
          db`true`,
        )})`;
