import type { Database, Queryable, Transaction } from '../database.js';
import { transact } from '../transact.js';
import { partitionOf } from './partitions.js';

/**
 * The attached days that are over for `keepDays` days, oldest first. What time it is, the log says, and the slowest lane
 * of them, so that no day goes that a backlog may still be written to; and the database's clock has to agree, lest a
 * broker whose clock runs ahead ends the time of all contacts.
 */
export const daysDue = async (db: Queryable, keepDays: number): Promise<readonly string[]> => {
  const rows = await db<{ day: string }[]>`
    SELECT day::text AS day
    FROM (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'contact_chunk'::regclass AND c.relname ~ '^contact_chunk_[0-9]{8}$') partitions
    WHERE day + 1 + ${keepDays}::integer
          <= (SELECT least(now(), to_timestamp(min(source_time) / 1e9)) FROM lane)
      AND day NOT IN (SELECT day FROM contact_drop)
    ORDER BY day`;
  return rows.map((row) => row.day);
};

/**
 * Gives up the contacts of a day, if every lane has a snapshot of presence at or beyond its last one; whether so. From
 * the commit on nobody counts on them, though all are there still: recovery starts at such a snapshot (a snapshot only
 * ever makes room for a newer one), and what lists contacts says from when on it has them.
 */
export const condemn = (db: Database, day: string): Promise<boolean> =>
  transact(db, async (tx) => {
    const ends = await selectEnds(tx, day);
    if (ends.some(({ position, snapshot }) => position > snapshot)) return false;
    for (const { lane, position, contactsFrom } of ends) {
      await tx`
        INSERT INTO contact_horizon AS h (lane, position, contacts_from)
        VALUES (${lane}, ${position}, ${contactsFrom})
        ON CONFLICT (lane) DO UPDATE SET
          position = greatest(h.position, excluded.position),
          contacts_from = greatest(h.contacts_from, excluded.contacts_from)`;
    }
    await tx`INSERT INTO contact_drop (day) VALUES (${day}) ON CONFLICT DO NOTHING`;
    return true;
  });

type LaneEnd = {
  readonly lane: number;
  /** Of the lane's last contact in the day's partition; 0 when it has none there. */
  readonly position: bigint;
  readonly contactsFrom: Date;
  /** Of the lane's newest snapshot; 0 when it has none. */
  readonly snapshot: bigint;
};

/** Where a day's partition ends in each lane. Its last chunk may hold contacts of the first minute of the next day. */
const selectEnds = (tx: Transaction, day: string) => tx<LaneEnd[]>`
  SELECT l.id AS lane, coalesce(last.position, 0) AS position,
         greatest((${day}::date + 1)::timestamptz, last.at + interval '1 millisecond') AS "contactsFrom",
         coalesce((SELECT max(s.position) FROM presence_snapshot s WHERE s.lane = l.id), 0) AS snapshot
  FROM lane l
  LEFT JOIN LATERAL (
    SELECT p.first_position + p.count - 1 AS position,
           p.at + ((get_byte(p.data, 6 * p.count - 2) << 8) + get_byte(p.data, 6 * p.count - 1)) * interval '1 millisecond' AS at
    FROM ${tx(partitionOf(day))} p
    WHERE p.lane = l.id
    ORDER BY p.first_position DESC
    LIMIT 1
  ) last ON true`;
