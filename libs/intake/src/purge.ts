import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { contactStream } from '#contracts';
import { type Database, lowestWatermark } from '#event-log';

/**
 * Often, so that little has to be dropped at a time. Where a subject has other messages behind one that is dropped, in
 * the same block of some 100,000, NATS looks for the next of them message by message, under the stream's lock (2.9:
 * `fileStore.Compact`). With 2,000 clients beating every 3 s, purged every 30 s, the broker answered nobody for 5 to 10 s (2
 * busy cores); within 2 s hardly any client speaks twice.
 */
const purgeInterval = 2_000;
/** More than this at a time is a backlog, or a rate at which whole blocks go: seldom, for each purge cuts a full block. */
const fewMessages = 20_000;
const largePurgeInterval = 30_000;

/**
 * Drops from the stream what every lane has committed, so that it holds only what is still to be read. The message at
 * the lowest watermark stays, for the incarnation check (see `compareIncarnation` for the invariant).
 *
 * @param isDue whether it is this process that does it
 */
export const startPurging = (
  db: Database,
  nats: NatsConnection,
  isDue: () => boolean,
): { readonly stop: () => void } => {
  let underWay = false;
  let lastLarge = performance.now();
  const mayDrop = (messages: number): boolean => {
    if (messages <= fewMessages) return true;
    if (performance.now() - lastLarge < largePurgeInterval) return false;
    lastLarge = performance.now();
    return true;
  };
  const purge = async (): Promise<void> => {
    if (underWay || !isDue()) return;
    underWay = true;
    await purgeConsumed(db, nats, mayDrop).finally(() => (underWay = false));
  };
  const timer = setInterval(() => void purge(), purgeInterval);
  return { stop: () => clearInterval(timer) };
};

const purgeConsumed = async (
  db: Database,
  nats: NatsConnection,
  mayDrop: (messages: number) => boolean,
): Promise<void> => {
  try {
    const manager = await jetstreamManager(nats, { timeout: 3_000, checkAPI: false });
    const { created, state } = await manager.streams.info(contactStream.name);
    const lowest = Number((await lowestWatermark(db, created)) ?? 0n);
    if (lowest > state.first_seq && lowest <= state.last_seq && mayDrop(lowest - state.first_seq)) {
      await manager.streams.purge(contactStream.name, { seq: lowest });
    }
  } catch {
    // The next time will do; whether the stream is there at all is the tickers' concern.
  }
};
