import type { Queryable } from '../database.js';

/** A day (UTC) of contacts and what it takes on the disk, indexes included. */
export type StoredDay = { readonly day: string; readonly bytes: number };

/** The days in the log of contacts, oldest first; those that are being dropped count until they are gone. */
export const selectContactDays = (db: Queryable): Promise<readonly StoredDay[]> => db<StoredDay[]>`
  SELECT to_date(right(relname, 8), 'YYYYMMDD')::text AS day, pg_total_relation_size(oid)::float8 AS bytes
  FROM pg_class
  WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname ~ '^contact_chunk_[0-9]{8}$'
  ORDER BY 1`;
