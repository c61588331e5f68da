import type { Logger } from 'pino';
import type { Database } from '#event-log';
import type { LanePresence } from './lane-presence.js';
import { saveSnapshot, takeSnapshot } from './snapshot.js';

/** A snapshot is due after this many contacts (a few seconds of replay), or this much time, in milliseconds. */
const everyContacts = 5_000_000;
const everyMilliseconds = 300_000;

/** Takes snapshots now and then, so that a restart replays minutes rather than days. */
export class Snapshots {
  private lastTaken = Date.now();
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly lane: number,
    private readonly log: Logger,
    /** Contacts after the last one: what was replayed is due no later because the server has started anew. */
    private contacts: number,
  ) {}

  consider(presence: LanePresence, position: bigint, contacts: number): void {
    this.contacts += contacts;
    const due = this.contacts >= everyContacts || Date.now() - this.lastTaken >= everyMilliseconds;
    // Verdicts that are owed are in no column: one is taken as soon as they are written.
    if (!due || this.underWay || !presence.owed.isEmpty) return;
    this.contacts = 0;
    this.lastTaken = Date.now();
    const snapshot = takeSnapshot(presence, position);
    this.underWay = saveSnapshot(this.db, this.lane, snapshot)
      .catch((error: unknown) => this.log.warn({ lane: this.lane, error: String(error) }, 'the snapshot was not saved'))
      .finally(() => {
        this.underWay = undefined;
      });
  }

  /** Waits for a snapshot that is being saved. */
  async finish(): Promise<void> {
    await this.underWay;
  }
}
