import { decodeFact, readHorizon, type StoredFact } from '#event-log';
import type { ApiContext } from '../context.js';
import { encodeCursor, pageOf } from '../paging.js';
import { readContacts } from './contacts.js';

const hour = 3_600_000;
const last = '999999999999999999';

export type ClientEventsRange = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit: number;
  readonly before: string | undefined;
};

/**
 * A client's part of the log, newest first: all its facts, and its contacts in a time range, as far as they are kept:
 * `contactsFrom` says from when on. A page may end before it is full, where the search for contacts was left off.
 */
export const readClientEvents = async (
  { db }: ApiContext,
  client: { readonly id: string; readonly lane: number; readonly ordinal: number },
  range: ClientEventsRange,
) => {
  const to = range.to ? new Date(range.to) : new Date();
  const from = range.from ? new Date(range.from) : new Date(to.getTime() - hour);
  const before = BigInt(range.before ?? last);
  const [facts, { contacts, downTo = 0n }] = await Promise.all([
    db<StoredFact[]>`
      SELECT lane, position, id, type, schema_version, client_id, recorded_at, data, meta FROM event
      WHERE client_id = ${client.id} AND position < ${before} ORDER BY position DESC LIMIT ${range.limit + 1}`,
    readContacts(db, client, { from, to, before }),
  ]);
  // After the contacts: those that went while they were read are counted as gone.
  const { contactsFrom } = await readHorizon(db, client.lane);
  const items = [
    ...facts.map(decodeFact).map((fact) => ({
      position: fact.position,
      type: fact.type,
      at: fact.recordedAt.toISOString(),
      data: fact.data,
      meta: fact.meta,
    })),
    ...contacts.map(({ position, kind, at }) => ({ position, type: kind, at: new Date(at).toISOString() })),
  ]
    .filter(({ position }) => position >= downTo)
    .sort((a, b) => (a.position < b.position ? 1 : -1))
    .map((item) => ({ ...item, position: String(item.position) }));
  const page = pageOf(items, range.limit, (item) => [item.position]);
  const isLeftOff = page.nextCursor === null && downTo > 0n;
  const nextCursor = isLeftOff ? encodeCursor([String(downTo)]) : page.nextCursor;
  return { ...page, nextCursor, contactsFrom };
};
