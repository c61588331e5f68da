import type { Logger } from 'pino';
import type { Database } from '#event-log';
import type { LanePresence } from './lane-presence.js';
import { saveSnapshot, takeSnapshot } from './snapshot.js';

/**
 * A snapshot is due when replaying what came after the last takes as long as reading that does: after so many contacts for
 * each client, which are entered in a tenth of a second at the soonest and in two at the latest.
 */
const contactsPerClient = 4;
const fewestContacts = 400_000;
const mostContacts = 10_000_000;
/** What the replay of a fact takes, in contacts: 4,800,000 of these and 109,000 facts were replayed in a second. */
const contactsPerFact = 40;
/** It is due after this much time in any case, in milliseconds. */
const everyMilliseconds = 300_000;

/** What a replay reads. */
type Replay = { readonly contacts: number; readonly facts: number };

const weightOf = ({ contacts, facts }: Replay): number => contacts + facts * contactsPerFact;

const dueAfter = (clients: number): number =>
  Math.min(Math.max(contactsPerClient * clients, fewestContacts), mostContacts);

/** Takes snapshots now and then, so that a restart replays minutes rather than days. */
export class Snapshots {
  private lastTaken = Date.now();
  /** What a restart would replay, in contacts. */
  private weight: number;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly lane: number,
    private readonly log: Logger,
    /** What came after the last one: what was replayed is due no later because the server has started anew. */
    replayed: Replay,
  ) {
    this.weight = weightOf(replayed);
  }

  consider(presence: LanePresence, position: bigint, appended: Replay): void {
    this.weight += weightOf(appended);
    const due = this.weight >= dueAfter(presence.members.count) || Date.now() - this.lastTaken >= everyMilliseconds;
    // Turns that are owed are in no column: one is taken as soon as they are written.
    if (!due || this.underWay || !presence.owed.isEmpty) return;
    this.weight = 0;
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
