// A process of its own that recovers presence from the whole log, as a server without a snapshot does, and measures it.
import { type Database, openDatabase, readChunk, readChunks, readLane } from '#event-log';
import { type LanePresence, recoverPresence } from '#intake';
import { lane } from '../fleet/seed.js';

export type ReplayReport = {
  readonly factsPerSecond: number;
  readonly beatsPerSecond: number;
  /** Of the memory of presence, after garbage collection. */
  readonly bytes: number;
  /** Of the whole process. */
  readonly residentBytes: number;
  readonly clients: number;
};

const usedBytes = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const chunksPerRead = 500;

/** Reads contacts into presence page by page, as recovery does; returns how many. */
const replayContacts = async (db: Database, presence: LanePresence, upTo: bigint): Promise<number> => {
  let contacts = 0;
  let after = 0n;
  for (;;) {
    const chunks = await readChunks(db, { lane, after, upTo, limit: chunksPerRead });
    for (const { at, data, count } of chunks) {
      readChunk(at, data, (ordinal, kind, arrived) => presence.recordContact(ordinal, kind, arrived));
      contacts += count;
    }
    const last = chunks.at(-1);
    if (!last) return contacts;
    after = last.firstPosition;
  }
};

const measure = async (url: string, factsUpTo: bigint): Promise<ReplayReport> => {
  const db = openDatabase({ url, connections: 2, name: 'reachback bench replay' });
  const row = await readLane(db, lane);
  const before = usedBytes();
  const start = performance.now();
  // The fleet's log begins with facts alone: who registered, and who came online.
  const { presence, replayed } = await recoverPresence(db, lane, { ...row, position: factsUpTo });
  const between = performance.now();
  const contacts = await replayContacts(db, presence, row.position);
  const end = performance.now();
  const bytes = usedBytes() - before;
  const residentBytes = process.memoryUsage.rss();
  await db.end({ timeout: 1 });
  return {
    factsPerSecond: (replayed.facts / (between - start)) * 1000,
    beatsPerSecond: (contacts / (end - between)) * 1000,
    bytes,
    residentBytes,
    clients: presence.members.count,
  };
};

process.once('message', ({ url, factsUpTo }: { url: string; factsUpTo: string }) => {
  void measure(url, BigInt(factsUpTo)).then((report) => process.send?.(report, () => process.exit(0)));
});
process.once('disconnect', () => process.exit(0));
