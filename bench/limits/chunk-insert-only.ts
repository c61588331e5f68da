import {
  appendChunk,
  ChunkWriter,
  ensurePartitions,
  migrate,
  openDatabase,
  reserveOrdinals,
  transact,
} from '#event-log';
import type { Bench } from '../bench.js';
import { lane } from '../fleet/seed.js';
import { round } from '../statistics.js';

/** As many as intake puts into one transaction at most. */
const contactsPerChunk = 8_192;

/** Beats a second that the log takes when they come from nowhere: packed, appended, committed, one batch at a time. */
export const measureChunkInsertOnly = async (bench: Bench): Promise<number> => {
  const db = openDatabase({ url: await bench.stack.createDatabase('limit'), connections: 1, name: 'reachback bench' });
  const close = bench.cleanup.add(() => db.end({ timeout: 1 }));
  await migrate(db);
  await transact(db, (tx) => reserveOrdinals(tx, lane, contactsPerChunk));
  await ensurePartitions(db, Date.now());
  bench.progress.say('appending chunks');
  const writer = new ChunkWriter();
  const start = performance.now();
  const until = start + bench.seconds(8, 3) * 1000;
  let contacts = 0;
  while (performance.now() < until) {
    bench.signal.throwIfAborted();
    const now = Date.now();
    for (let ordinal = 0; ordinal < contactsPerChunk; ordinal++) writer.add(ordinal, 'heartbeat', now);
    await transact(db, (tx) => appendChunk(tx, lane, 0, writer.take()));
    contacts += contactsPerChunk;
  }
  const seconds = (performance.now() - start) / 1000;
  await close();
  return round(contacts / seconds);
};
