import { readChunk } from '#event-log';
import type { Queryable } from '#event-log';

/** A beat, poll or other contact of one client. */
export type ClientContact = { readonly position: bigint; readonly kind: string; readonly at: number };

/** Chunks hold contacts of up to this much time, in milliseconds. */
const chunkSpan = 65_536;

export type ContactRange = { readonly from: Date; readonly to: Date; readonly before: bigint; readonly limit: number };

/** A client's contacts in a time range, newest first. Reads the range's chunks backwards until it has enough. */
export const readContacts = async (
  db: Queryable,
  { lane, ordinal }: { readonly lane: number; readonly ordinal: number },
  { from, to, before, limit }: ContactRange,
): Promise<readonly ClientContact[]> => {
  const found: ClientContact[] = [];
  const chunks = db<{ first_position: bigint; at: Date; data: Buffer }[]>`
    SELECT first_position, at, data FROM contact_chunk
    WHERE lane = ${lane} AND at >= ${new Date(from.getTime() - chunkSpan)} AND at <= ${to} AND first_position < ${before}
    ORDER BY first_position DESC`.cursor(200);
  for await (const page of chunks) {
    for (const chunk of page) found.push(...contactsOf(chunk, ordinal, from, to, before));
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
};

const contactsOf = (
  chunk: { readonly first_position: bigint; readonly at: Date; readonly data: Buffer },
  ordinal: number,
  from: Date,
  to: Date,
  before: bigint,
): readonly ClientContact[] => {
  const contacts: ClientContact[] = [];
  let position = chunk.first_position;
  readChunk(chunk.at.getTime(), chunk.data, (who, kind, at) => {
    const isInRange = at >= from.getTime() && at <= to.getTime() && position < before;
    if (who === ordinal && isInRange) contacts.push({ position, kind, at });
    position++;
  });
  return contacts.reverse();
};
