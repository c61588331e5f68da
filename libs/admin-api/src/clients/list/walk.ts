import { sql, type SQL } from 'drizzle-orm';
import { all, isAfter, keyText, lackingFirst, named, orderBy, passes, type Search, splitOf } from './search.js';
import { residualOf, type Source } from './source.js';

/** Of each group, where there are many. */
const leastOfArm = 12;

/**
 * The places of one arm of the source after the cursor, in order; read from its index alone, unless it is asked whether
 * each one's row meets conditions of its own.
 */
const inOrder = (search: Search, conditions: readonly SQL[], limit: SQL, own: readonly SQL[] = []): SQL => {
  const { from, key, id, isListed, arms } = search.source;
  // By `=` the column would leave the order; where statistics know one value only, the order of all ids would then seem as
  // good as the index of the arm, and be gone through to its end for any other value.
  const ofArm = arms ? [sql`${arms.column} = ANY(ARRAY[a.arm])`] : [];
  const order = [...(arms ? [arms.column] : []), key, id];
  const meets = own.length > 0 ? sql`, (${all(own)}) AS meets` : sql``;
  return sql`
    SELECT ${id} AS id, ${key} AS key${meets} FROM ${from}
    WHERE ${all([isListed, ...ofArm, ...isAfter(search), ...conditions])}
    ${orderBy(search, ...order)} ${limit}`;
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
 * The places that pass, out of a bounded part of the order, and the horizon, where that part ended, unless it was all
 * there is. Where many groups are gone through, that is the first place at which one of them was left off.
 */
export const walkSome = (search: Search, bound: number): SQL => {
  const { source, filters, count, isDescending } = search;
  const most = Math.max(bound, count);
  const ofGroups = source.settles === 'group';
  const share = ofGroups
    ? sql`(SELECT greatest(${leastOfArm}, ${most} / greatest(count(*), 1)) FROM (${source.arms?.values}) v)`
    : sql`${most}::integer`;
  const { own, others } = splitOf(source, residualOf({ source, filters }));
  const part = ofEachArm(source, inOrder(search, [], sql`LIMIT ${share}`));
  const looked = ofEachArm(source, inOrder(search, [], sql`LIMIT ${share}`, own));
  // Of a few arms each is read as far as all of them together may be; of many groups, each is read a little.
  const end = ofGroups
    ? sorted(search, ofEachArm(source, inOrder(search, [], sql`LIMIT 1 OFFSET ${share} - 1`)), sql`LIMIT 1`)
    : sorted(search, part, sql`LIMIT 1 OFFSET ${most - 1}`);
  const isUpTo = sql`(o.key, o.id) ${sql.raw(isDescending ? '>=' : '<=')} (SELECT h.key, h.id FROM horizon h)`;
  const conditions = [...(own.length > 0 ? [sql`o.meets`] : []), ...passes(sql`o.id`, { ...search, filters: others })];
  return sql`
    ${named([...lackingFirst(search), sql`horizon AS MATERIALIZED (${end})`])}
    SELECT r.id, ${keyText(search)} AS "sortedBy", e.id AS "endId", e.key AS "endKey"
    FROM (SELECT) one
    LEFT JOIN (SELECT r.id, ${keyText(search)} AS key FROM horizon r) e ON true
    LEFT JOIN (
      SELECT o.* FROM (${sorted(search, looked, sql`OFFSET 0`)}) o
      WHERE ${all([sql`(NOT EXISTS (SELECT FROM horizon) OR ${isUpTo})`, ...conditions])}
      LIMIT ${count}
    ) r ON true`;
};
