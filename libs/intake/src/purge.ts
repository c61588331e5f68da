import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { contactStream } from '#contracts';
import { type Database, lowestWatermark, pause } from '#event-log';

/**
 * In milliseconds: so often that little has to be dropped at a time, for NATS takes in nothing meanwhile. And where a
 * subject has other messages behind one that is dropped, in the same block of some 100,000, NATS looks for the next of
 * them message by message (2.9: `fileStore.Compact`). With 2,000 clients beating every 3 s, purged every 30 s, the broker
 * answered nobody for 5 to 10 s (2 busy cores); within half a second hardly any client speaks twice.
 */
const purgeInterval = 500;
/** More than this at a time is a backlog, or a rate at which whole blocks go: seldom, for each purge cuts a full block. */
const fewMessages = 20_000;
const largePurgeInterval = 30_000;

/**
 * Drops from the stream what every lane has committed, so that it holds only what is still to be read. The message at
 * the lowest watermark stays, for the incarnation check (see `compareIncarnation` for the invariant).
 *
 * @param isDue whether it is this process that does it
 * @param signal ends it
 */
export const keepPurging = async (
  db: Database,
  nats: NatsConnection,
  isDue: () => boolean,
  signal: AbortSignal,
): Promise<void> => {
  let lastLarge = performance.now();
  const mayDrop = (messages: number): boolean => {
    if (messages <= fewMessages) return true;
    if (performance.now() - lastLarge < largePurgeInterval) return false;
    lastLarge = performance.now();
    return true;
  };
  while (!signal.aborted) {
    if (isDue()) await purgeConsumed(db, nats, mayDrop);
    await pause(purgeInterval, signal);
  }
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
