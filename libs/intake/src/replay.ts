import type { Fact } from '#contracts';
import { readChunk, type StoredChunk } from '#event-log';
import type { Emit, LanePresence } from './lane-presence.js';
import { waitsForClasses } from './reclassify.js';

const ignore: Emit = () => undefined;

/** Whether the lane's owner alone appends such facts, when it has taken in all facts of others before them. */
export const isConclusion = ({ type }: Fact): boolean =>
  type === 'client-status-changed' || type === 'lane-gap-observed' || type === 'lane-silence-judged';

/**
 * Takes in the log of a lane as live intake did, up to where that has come: in the order in which it decided, though what
 * it concluded stands further on. Of two changes by administrators that it found together, the second was judged when
 * everybody had the class that the first led to; so it waits here for the conclusions from the first.
 */
export class Replay {
  private readonly waiting: Fact[] = [];

  constructor(private readonly presence: LanePresence) {}

  contacts({ at, data }: Pick<StoredChunk, 'at' | 'data'>): void {
    this.catchUp();
    readChunk(at, data, (ordinal, kind, time) => this.presence.recordContact(ordinal, kind, time));
  }

  fact(fact: Fact): void {
    if (isConclusion(fact)) {
      this.catchUp(fact.meta.causation);
      this.presence.apply(fact, ignore);
    } else if (this.waiting.length > 0 || waitsForClasses(this.presence, fact)) this.waiting.push(fact);
    else this.presence.apply(fact, ignore);
  }

  /** Takes in what waits: up to the fact at a position, or all of it. */
  catchUp(causation?: string): void {
    const upTo = causation === undefined ? undefined : BigInt(causation);
    const later = upTo === undefined ? -1 : this.waiting.findIndex(({ position }) => position > upTo);
    for (const fact of this.waiting.splice(0, later < 0 ? this.waiting.length : later)) {
      this.presence.apply(fact, ignore);
    }
  }
}
