import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { contactStream } from '#contracts';
import { type Database, lowestWatermark } from '#event-log';

const purgeInterval = 30_000;

/**
 * Drops from the stream, now and then, what every lane has committed, so that it holds only what is still to be read.
 * The message at the lowest watermark stays, for the incarnation check (see `compareIncarnation` for the invariant).
 */
export const startPurging = (db: Database, nats: NatsConnection): { readonly stop: () => void } => {
  const timer = setInterval(() => void purgeConsumed(db, nats), purgeInterval);
  return { stop: () => clearInterval(timer) };
};

const purgeConsumed = async (db: Database, nats: NatsConnection): Promise<void> => {
  try {
    const manager = await jetstreamManager(nats, { timeout: 3_000 });
    const { created, state } = await manager.streams.info(contactStream.name);
    const lowest = Number((await lowestWatermark(db, created)) ?? 0n);
    if (lowest > state.first_seq && lowest <= state.last_seq) {
      await manager.streams.purge(contactStream.name, { seq: lowest });
    }
  } catch {
    // The next time will do; whether the stream is there at all is the tickers' concern.
  }
};
