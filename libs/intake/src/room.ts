import type { Logger } from 'pino';
import { type Database, isOutage, pause, transact } from '#event-log';

/** How often to look whether there is room again, in milliseconds. */
const lookInterval = 5_000;

export type RoomOptions = { readonly db: Database; readonly lane: number; readonly log: Logger };

/** Whether the disk of the database has room. While it has none, nothing is appended: the broker holds what arrives. */
export class Room {
  private isFull = false;

  constructor(private readonly options: RoomOptions) {}

  /** A write found no room. Waits until there is some, or the signal aborts. */
  async untilThere(error: unknown, signal: AbortSignal): Promise<void> {
    const { db, lane, log } = this.options;
    if (!this.isFull) {
      this.isFull = true;
      log.error({ lane, error: String(error) }, 'disk_full: the database has no room; intake waits until it has');
    }
    do await pause(lookInterval, signal);
    while (!signal.aborted && !(await hasRoom(db)));
  }

  /** Something was stored. */
  found(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.options.log.warn({ lane: this.options.lane }, 'the database has room again');
  }
}

/**
 * Tries with 4 MB of a temporary table: it takes its room from the disk at once, but writes nothing of it to the
 * write-ahead log, where running out of room would bring Postgres down. If it is away already, we wait for it too.
 */
const hasRoom = async (db: Database): Promise<boolean> => {
  try {
    await transact(
      db,
      (tx) => tx`CREATE TEMPORARY TABLE room ON COMMIT DROP AS SELECT repeat('x', 1000) FROM generate_series(1, 4096)`,
    );
    return true;
  } catch (error) {
    return !isOutage(error);
  }
};
