import type { Queryable } from '#event-log';
import { readChunk } from '#event-log';

/** A beat, poll or other contact of one client. */
export type ClientContact = { readonly position: bigint; readonly kind: string; readonly at: number };

/** Chunks hold contacts of up to this much time, in milliseconds. */
const chunkSpan = 65_536;
/**
 * What one page looks into: positions of the log (of 100 seconds, at 15,000 beats a second), and chunks, of which a small
 * fleet fills many with little. A million positions take 20 ms of CPU, most of it to fetch what Postgres stores out of line.
 */
const looksInto = { positions: 1_500_000, chunks: 10_000 } as const;

export type ContactRange = { readonly from: Date; readonly to: Date; readonly before: bigint };
/** What was found, newest first; `downTo` is where the search was left off, undefined at the range's end. */
export type FoundContacts = { readonly contacts: readonly ClientContact[]; readonly downTo: bigint | undefined };

type ChunkRow = { readonly first_position: bigint; readonly at: Date; readonly data: Buffer };
type LookedRow = Partial<ChunkRow> & { readonly down_to: bigint | null; readonly has_more: boolean };

/**
 * A client's contacts in a time range, newest first, as far as a bounded part of the log goes back. There is no index of
 * who is in a chunk (ADR 2); Postgres sends those that have the bytes of the client's ordinal in them somewhere. The last two
 * are looked for first: the first byte is that of many, and to stop at each takes half as long again.
 */
export const readContacts = async (
  db: Queryable,
  { lane, ordinal }: { readonly lane: number; readonly ordinal: number },
  { from, to, before }: ContactRange,
): Promise<FoundContacts> => {
  const bytes = Buffer.from([ordinal >> 16, (ordinal >> 8) & 255, ordinal & 255]);
  const hasBytes = db`position(${bytes.subarray(1)} IN data) > 0 AND position(${bytes} IN data) > 0`;
  const inRange = db`lane = ${lane} AND at >= ${new Date(from.getTime() - chunkSpan)} AND at <= ${to}`;
  const rows = await db<LookedRow[]>`
    WITH newest AS MATERIALIZED (
      SELECT first_position FROM contact_chunk WHERE ${inRange} AND first_position < ${before}
      ORDER BY first_position DESC LIMIT 1
    ),
    looked AS MATERIALIZED (
      SELECT first_position, at, CASE WHEN ${hasBytes} THEN data END AS data
      FROM (
        SELECT first_position, at, data FROM contact_chunk
        WHERE ${inRange} AND first_position <= (SELECT first_position FROM newest)
          AND first_position > (SELECT first_position FROM newest) - ${looksInto.positions}
        ORDER BY first_position DESC LIMIT ${looksInto.chunks}
      ) c
    )
    SELECT d.down_to, l.first_position, l.at, l.data,
           EXISTS (SELECT FROM contact_chunk WHERE ${inRange} AND first_position < d.down_to) AS has_more
    FROM (SELECT min(first_position) AS down_to FROM looked) d
    LEFT JOIN looked l ON l.data IS NOT NULL
    ORDER BY l.first_position DESC`;
  const contacts = rows.flatMap((row) => (isChunk(row) ? contactsOf(row, ordinal, from, to, before) : []));
  return { contacts, downTo: rows[0]?.has_more ? (rows[0].down_to ?? undefined) : undefined };
};

const isChunk = (row: Partial<ChunkRow>): row is ChunkRow => row.data instanceof Buffer;

const contactsOf = (
  { first_position, at: start, data }: ChunkRow,
  ordinal: number,
  from: Date,
  to: Date,
  before: bigint,
): readonly ClientContact[] => {
  const contacts: ClientContact[] = [];
  let position = first_position;
  readChunk(start.getTime(), data, (who, kind, at) => {
    const isInRange = at >= from.getTime() && at <= to.getTime() && position < before;
    if (who === ordinal && isInRange) contacts.push({ position, kind, at });
    position++;
  });
  return contacts.reverse();
};
