import type { Queryable } from '../database.js';

/**
 * What is hashed of a fact (ADR 0012): every column of its row, as a JSON array in this order. It is made of what the
 * database stores, not of what was sent to it: `jsonb` has an order of keys and a form of numbers of its own, and
 * always writes the same value in the same way. The time is in UTC whatever the session's zone is.
 */
export const factText = (db: Queryable) => db`
  json_build_array(position, id, lane, stream, version, type, schema_version, client_id,
                   recorded_at AT TIME ZONE 'UTC', data, meta)::text`;

/** The hash before that of the first fact. */
export const firstHash: Buffer = Buffer.alloc(32);
