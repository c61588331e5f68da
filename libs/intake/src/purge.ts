import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { contactStream } from '#contracts';
import { type Database, lowestWatermark, pause } from '#event-log';

/**
 * In milliseconds: so often that little has to be dropped at a time, for NATS takes in nothing meanwhile. And where a
 * subject has other messages behind one that is dropped, in the same block of some 100,000, NATS looks for the next of
 * them message by message (2.9: `fileStore.Compact`); within half a second hardly any client speaks twice.
 */
const shortestPause = 500;
const longestPause = 30_000;
/** So many times as long as a purge took passes until the next: it keeps others waiting for a fiftieth of the time. */
const rest = 50;

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
  while (!signal.aborted) {
    const took = isDue() ? await purgeConsumed(db, nats) : 0;
    await pause(Math.min(Math.max(took * rest, shortestPause), longestPause), signal);
  }
};

/** @returns for how long the broker was busy with it, in milliseconds */
const purgeConsumed = async (db: Database, nats: NatsConnection): Promise<number> => {
  let since: number | undefined;
  try {
    const manager = await jetstreamManager(nats, { timeout: 3_000, checkAPI: false });
    const { created, state } = await manager.streams.info(contactStream.name);
    const lowest = Number((await lowestWatermark(db, created)) ?? 0n);
    if (lowest > state.first_seq && lowest <= state.last_seq) {
      since = performance.now();
      await manager.streams.purge(contactStream.name, { seq: lowest });
    }
  } catch {
    // The next time will do; whether the stream is there at all is the tickers' concern.
  }
  return since === undefined ? 0 : performance.now() - since;
};
