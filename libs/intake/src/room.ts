import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ErrorReply, errorCatalogue, subjects } from '#contracts';
import { type Database, isOutage, transact } from '#event-log';

/** How often to look whether there is room again, in milliseconds. */
const lookInterval = 5_000;

export type RoomOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lane: number;
  readonly log: Logger;
};

/**
 * Whether the disk of the database has room. While it has none, nobody owns the lane: the broker holds what arrives, and
 * who asks for the lane's presence hears why there is no answer.
 */
export class Room {
  private stopAnswering: (() => void) | undefined;

  constructor(private readonly options: RoomOptions) {}

  get isFull(): boolean {
    return this.stopAnswering !== undefined;
  }

  /** A write found no room. Waits until there is some, or the signal aborts. */
  async untilThere(error: unknown, signal: AbortSignal): Promise<void> {
    const { nats, lane, log } = this.options;
    if (!this.isFull) {
      log.error({ lane, error: String(error) }, 'disk_full: the database has no room; intake waits until it has');
      this.stopAnswering = answerFull(nats, lane);
    }
    do await sleep(lookInterval, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted && !(await hasRoom(this.options.db)));
  }

  /** Something was stored. */
  found(): void {
    if (!this.isFull) return;
    this.options.log.warn({ lane: this.options.lane }, 'the database has room again');
    this.close();
  }

  close(): void {
    this.stopAnswering?.();
    this.stopAnswering = undefined;
  }
}

const answerFull = (nats: NatsConnection, lane: number): (() => void) => {
  const reply: ErrorReply = { error: { code: 'disk_full', message: errorCatalogue.disk_full.title } };
  const subscription = nats.subscribe(subjects.presence(lane), {
    callback: (error, message) => void (error ?? message.respond(JSON.stringify(reply))),
  });
  return () => subscription.unsubscribe();
};

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
