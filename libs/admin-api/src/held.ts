import type { HoldReason } from '#contracts';
import type { Queryable } from '#event-log';

/** Since when a piece of work is held, and how whoever queued it lost the right to. */
export type Held = { readonly at: string; readonly reason: HoldReason };

/** A column with a time as ISO 8601, for JSON that the database makes. */
export const isoTime = (db: Queryable, column: string) =>
  db`to_char(${db(column)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
