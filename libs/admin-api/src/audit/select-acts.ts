import type { AuditQuery } from '#contracts';
import { decodeFact, type Queryable, type StoredFact } from '#event-log';
import { decodePosition, pageOf } from '../paging.js';

type Row = StoredFact & { readonly groups: readonly string[] };

/** What administrators did, newest first: found by the table `audit`, read from the log. */
export const selectActs = async (db: Queryable, query: AuditQuery) => {
  const { actor, type, client, group, from, to, after, limit, cursor } = query;
  const rows = await db<Row[]>`
    SELECT e.lane, e.position, e.id, e.type, e.schema_version, e.client_id, e.recorded_at, e.data, e.meta, a.groups
    FROM audit a JOIN event e ON e.position = a.position
    WHERE true
      ${actor === undefined ? db`` : db`AND a.actor = ${actor}`}
      ${type === undefined ? db`` : db`AND a.type = ${type}`}
      ${client === undefined ? db`` : db`AND a.client_id = ${client}`}
      ${group === undefined ? db`` : db`AND a.groups @> ${[group]}::text[]`}
      ${from === undefined ? db`` : db`AND a.at >= ${new Date(from)}`}
      ${to === undefined ? db`` : db`AND a.at < ${new Date(to)}`}
      ${after === undefined ? db`` : db`AND a.position > ${after}`}
      ${cursor === undefined ? db`` : db`AND a.position < ${decodePosition(cursor)}`}
    ORDER BY a.position DESC
    LIMIT ${limit + 1}`;
  return pageOf(rows.map(toAct), limit, ({ position }) => [position]);
};

const toAct = (row: Row) => {
  const { position, recordedAt, type, client, data, meta } = decodeFact(row);
  const { actor, address = null, before = null, correlation = null } = meta;
  const place = { position: String(position), at: recordedAt };
  return { ...place, actor, address, type, client, groups: row.groups, data, before, correlation };
};
