import type { Storage } from '#event-log';
import type { Define } from './define.js';
import { inTime } from './in-time.js';

/**
 * What was read holds for so long, in milliseconds. Reading it looks at the size of every file of the database.
 */
const maxAge = 60_000;

/** What is stored, read at most once a minute; a scrape that does not want to wait for it shows what was read before. */
export const storageMetrics = ({ gauge }: Define) => {
  const bytes = gauge('storage_bytes', 'Bytes that the database takes, by what for.', ['part']);
  const added = gauge('storage_added_bytes', 'Bytes that the last 24 hours have added.', ['part']);
  let read: (() => Promise<Storage>) | undefined;
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;

  const show = ({ total, contacts, facts, wal, perDay }: Storage): void => {
    for (const metric of [bytes, added]) metric.reset();
    bytes.set({ part: 'contacts' }, contacts.bytes);
    bytes.set({ part: 'facts' }, facts.bytes);
    bytes.set({ part: 'other' }, total - contacts.bytes - facts.bytes);
    if (wal !== null) bytes.set({ part: 'wal' }, wal);
    added.set({ part: 'contacts' }, perDay.contacts);
    if (perDay.facts !== null) added.set({ part: 'facts' }, perDay.facts);
  };
  const readAnew = async (from: () => Promise<Storage>): Promise<void> => {
    try {
      show(await from());
      readAt = performance.now();
    } catch {
      for (const metric of [bytes, added]) metric.reset();
    } finally {
      reading = undefined;
    }
  };
  return {
    watch: (from: () => Promise<Storage>): void => void (read = from),
    refresh: async (): Promise<void> => {
      if (!read || performance.now() - readAt < maxAge) return;
      reading ??= readAnew(read);
      await inTime(reading);
    },
  };
};
