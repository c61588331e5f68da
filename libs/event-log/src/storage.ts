import type { Queryable } from './database.js';
import { selectContactDays, type StoredDay } from './retention/stored-days.js';

/** What the database takes on its disk; all in bytes. */
export type Storage = {
  /** All of the database, with what belongs to Postgres. */
  readonly total: number;
  readonly contacts: {
    readonly bytes: number;
    /** By the day (UTC) of arrival, oldest first. */
    readonly days: readonly StoredDay[];
    readonly oldestAt: Date | null;
    /** Of today and yesterday, indexes included; null without any. */
    readonly bytesPerContact: number | null;
  };
  readonly facts: { readonly bytes: number };
  /** Largest first; partitions count to their table. `bytes` is without indexes. */
  readonly tables: readonly { readonly name: string; readonly bytes: number; readonly indexBytes: number }[];
  /** The write-ahead log; null where our role may not look: it needs `pg_monitor`. */
  readonly wal: number | null;
  /** What the last 24 hours have added. Facts are null until Postgres has counted them for the first time (ANALYZE). */
  readonly perDay: { readonly contacts: number; readonly facts: number | null };
};

/**
 * Reads what is stored. It looks at the size of every file, and at what was appended by the minute since yesterday; at no
 * chunk and no fact, so it takes as long with a million of them as with none.
 */
export const readStorage = async (db: Queryable): Promise<Storage> => {
  const [total, tables, days, recent, oldestAt, bytesPerFact, wal] = await Promise.all([
    selectTotal(db),
    selectTables(db),
    selectContactDays(db),
    selectRecent(db),
    selectOldest(db),
    selectBytesPerFact(db),
    selectWal(db),
  ]);
  const recentBytes = days
    .filter(({ day }) => day >= recent.since && day <= recent.today)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const bytesPerContact = recent.contacts > 0 ? recentBytes / recent.contacts : null;
  const facts = tables.find(({ name }) => name === 'event');
  return {
    total,
    contacts: { bytes: days.reduce((sum, { bytes }) => sum + bytes, 0), days, oldestAt, bytesPerContact },
    facts: { bytes: facts ? facts.bytes + facts.indexBytes : 0 },
    tables,
    wal,
    perDay: {
      contacts: Math.round(recent.lastDay * (bytesPerContact ?? 0)),
      facts: bytesPerFact === null ? null : Math.round(recent.facts * bytesPerFact),
    },
  };
};

const selectTotal = async (db: Queryable): Promise<number> => {
  const [row] = await db<{ bytes: number }[]>`SELECT pg_database_size(current_database())::float8 AS bytes`;
  return row?.bytes ?? 0;
};

const selectTables = (db: Queryable) => db<{ name: string; bytes: number; indexBytes: number }[]>`
  SELECT coalesce(p.relname, c.relname) AS name, sum(pg_table_size(c.oid))::float8 AS bytes,
         sum(pg_indexes_size(c.oid))::float8 AS "indexBytes"
  FROM pg_class c
  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
  LEFT JOIN pg_class p ON p.oid = i.inhparent
  WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
  GROUP BY 1
  ORDER BY sum(pg_total_relation_size(c.oid)) DESC, 1`;

type Recent = {
  readonly since: string;
  readonly today: string;
  readonly contacts: number;
  readonly lastDay: number;
  readonly facts: number;
};

/** The contacts since yesterday's midnight, and those and the facts of the last 24 hours, to the minute. */
const selectRecent = async (db: Queryable): Promise<Recent> => {
  const [row] = await db<Recent[]>`
    SELECT (current_date - 1)::text AS since, current_date::text AS today, coalesce(sum(contacts), 0)::float8 AS contacts,
           coalesce(sum(contacts) FILTER (WHERE minute > now() - interval '24 hours'), 0)::float8 AS "lastDay",
           coalesce(sum(facts) FILTER (WHERE minute > now() - interval '24 hours'), 0)::float8 AS facts
    FROM log_minute WHERE minute >= current_date - 1`;
  return row ?? { since: '', today: '', contacts: 0, lastDay: 0, facts: 0 };
};

const selectOldest = async (db: Queryable): Promise<Date | null> => {
  const [row] = await db<{ at: Date | null }[]>`
    SELECT min(first.at) AS at FROM lane l CROSS JOIN LATERAL (
      SELECT at FROM contact_chunk c WHERE c.lane = l.id ORDER BY first_position LIMIT 1) first`;
  return row?.at ?? null;
};

/** What a fact takes on the average, indexes included; null until Postgres has counted them (ANALYZE). */
const selectBytesPerFact = async (db: Queryable): Promise<number | null> => {
  const [row] = await db<{ bytes: number | null }[]>`
    SELECT (pg_total_relation_size(oid) / nullif(greatest(reltuples, 0), 0))::float8 AS bytes
    FROM pg_class WHERE oid = 'event'::regclass`;
  return row?.bytes ?? null;
};

const selectWal = async (db: Queryable): Promise<number | null> => {
  const [may] = await db<{ look: boolean }[]>`SELECT has_function_privilege('pg_ls_waldir()', 'execute') AS look`;
  if (!may?.look) return null;
  const [row] = await db<{ bytes: number }[]>`SELECT sum(size)::float8 AS bytes FROM pg_ls_waldir()`;
  return row?.bytes ?? null;
};
