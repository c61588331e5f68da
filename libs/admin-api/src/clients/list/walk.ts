import { sql, type SQL } from 'drizzle-orm';
import { all, isAfter, keyText, orderBy, passes, type Search } from './search.js';
import { residualOf, type Source } from './source.js';

/** Clients that are looked at in the order of the list, each by its id: some 10 ms. */
const looksAt = 1_500;
/** Likewise where each one's queue must be composed, which takes several times as long. */
const composes = 400;
/** Of each group, where there are many. */
const leastOfArm = 32;

/** The places of one arm of the source after the cursor, in order; read from its index alone. */
const inOrder = (search: Search, conditions: readonly SQL[], limit: SQL): SQL => {
  const { from, key, id, isListed, arms } = search.source;
  const ofArm = arms ? [sql`${arms.column} = a.arm`] : [];
  return sql`
    SELECT ${id} AS id, ${key} AS key FROM ${from}
    WHERE ${all([isListed, ...ofArm, ...isAfter(search), ...conditions])}
    ${orderBy(search, key, id)} ${limit}`;
};

/** What each arm of the source gives, put together. */
const ofEachArm = ({ arms }: Source, rows: SQL): SQL =>
  arms ? sql`SELECT s.* FROM (${arms.values}) a (arm) CROSS JOIN LATERAL (${rows}) s` : rows;

const sorted = (search: Search, rows: SQL, limit: SQL): SQL =>
  sql`SELECT o.* FROM (${rows}) o ${orderBy(search, sql`o.key`, sql`o.id`)} ${limit}`;

/** The first places that meet a condition on the source's own columns, by going through its order until they are found. */
export const walk = (search: Search, conditions: readonly SQL[] = []): SQL => {
  const limit = sql`LIMIT ${search.count}`;
  return sorted(search, ofEachArm(search.source, inOrder(search, conditions, limit)), limit);
};

/**
 * The places that pass, out of a bounded part of the order, and whether that was all there is. Where several arms are
 * gone through, the part ends at the horizon, the first place at which one of them was left off.
 */
export const walkSome = (search: Search): SQL => {
  const { source, filters, count, isDescending } = search;
  const bound = Math.max(filters.undelivered === undefined ? looksAt : composes, count);
  const share = source.arms
    ? sql`(SELECT greatest(${leastOfArm}, ${bound} / greatest(count(*), 1)) FROM (${source.arms.values}) v)`
    : sql`${bound}::integer`;
  const last = ofEachArm(source, inOrder(search, [], sql`LIMIT 1 OFFSET ${share} - 1`));
  const part = ofEachArm(source, inOrder(search, [], sql`LIMIT ${share}`));
  const isUpTo = sql`(o.key, o.id) ${sql.raw(isDescending ? '>=' : '<=')} (SELECT h.key, h.id FROM horizon h)`;
  return sql`
    WITH horizon AS MATERIALIZED (${sorted(search, last, sql`LIMIT 1`)})
    SELECT r.id, ${keyText(search)} AS "sortedBy", NOT EXISTS (SELECT FROM horizon) AS "isWhole"
    FROM (SELECT) one LEFT JOIN (
      SELECT o.* FROM (${sorted(search, part, sql`OFFSET 0`)}) o
      WHERE (NOT EXISTS (SELECT FROM horizon) OR ${isUpTo}) AND ${all(passes(sql`o.id`, residualOf(search)))}
      LIMIT ${count}
    ) r ON true`;
};
