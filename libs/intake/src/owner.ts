import type { Fact, NewFact } from '#contracts';
import {
  advanceWatermark,
  appendChunk,
  appendFacts,
  type Chunk,
  type Database,
  ensurePartitions,
  type InlineProjection,
  readFacts,
  type RejectLog,
  type Transaction,
  transact,
  type Watermark,
} from '#event-log';
import { Batch, type Segment } from './batch.js';
import { ContactLimiter } from './contact-limiter.js';
import type { LanePresence } from './lane-presence.js';
import { processMessages, readInTurns, toMilliseconds } from './process.js';
import { reclassifySome, takeInOrder } from './reclassify.js';
import { presenceFacts } from './recover.js';
import { settleReports } from './settle-reports.js';
import type { SourceMessage } from './source.js';
import { isTick } from './decode.js';

const factPage = 10_000;
/** Turns to offline by time or by a policy that one transaction writes: beats wait for their writing. */
const turnsAtOnce = 1_000;
const day = 86_400_000;

/** What is settled changes limits, and leads to no fact. */
const noConclusion = (): void => undefined;

export type OwnerOptions = {
  readonly db: Database;
  readonly lane: number;
  readonly term: bigint;
  readonly presence: LanePresence;
  readonly rejects: RejectLog;
  readonly projections: readonly InlineProjection[];
  readonly watermark: Watermark;
  readonly position: bigint;
  readonly conclusions: readonly NewFact[];
  /** Turns to offline by time or by a policy in one transaction at most. */
  readonly turns?: number;
};

/**
 * The one writer of a lane. Each batch of messages is one transaction: the watermark, the contacts, the transitions
 * they caused with the clients' rows. If it fails, or the process dies anywhere in it, nothing of it has happened, and
 * the messages are read again; memory, which has run ahead, is thrown away with the owner.
 */
export class LaneOwner {
  private watermark: Watermark;
  private position: bigint;
  private conclusions: readonly NewFact[];
  private partitionsUntil = 0;
  private readonly limiter = new ContactLimiter();

  constructor(private readonly options: OwnerOptions) {
    this.watermark = options.watermark;
    this.position = options.position;
    this.conclusions = options.conclusions;
  }

  get head(): bigint {
    return this.position;
  }

  get created(): string | null {
    return this.watermark.created;
  }

  get sequence(): bigint {
    return this.watermark.sequence;
  }

  get presence(): LanePresence {
    return this.options.presence;
  }

  /** Whether there is work to go on with while no message comes: an append of none does a part of it. */
  get isBusy(): boolean {
    return this.presence.reclassification !== undefined || !this.presence.owed.isEmpty;
  }

  /**
   * Appends what messages lead to; returns the contacts, packed and counted, and how many facts the log has more, of
   * those that a replay would read.
   *
   * @throws {FencedError} when the lane has another owner
   */
  async append(
    messages: readonly SourceMessage[],
  ): Promise<{ readonly contacts: number; readonly chunks: readonly Chunk[]; readonly facts: number }> {
    const last = messages.at(-1);
    const lastTick = messages.findLast(isTick);
    const to = {
      ...this.watermark,
      ...(last ? { sequence: BigInt(last.sequence), time: last.time } : {}),
      ...(lastTick ? { tick: lastTick.time } : {}),
    };
    const { position, ...appended } = await this.commit(to, messages, []);
    this.settle(to, position);
    return appended;
  }

  /** Goes over to another incarnation of the stream, and records that it did. */
  async reset(to: Watermark, fact: NewFact): Promise<void> {
    const { position } = await this.commit(to, [], [fact]);
    this.settle(to, position);
  }

  private settle(watermark: Watermark, position: bigint): void {
    this.watermark = watermark;
    this.position = position;
    this.conclusions = [];
  }

  private async commit(to: Watermark, messages: readonly SourceMessage[], facts: readonly NewFact[]) {
    const { db, lane, term, presence, rejects, turns = turnsAtOnce } = this.options;
    const read = await readInTurns(messages, presence.members);
    return transact(db, async (tx) => {
      // Sent together: the lock is not held while the one answer comes and the next question goes.
      const [head, appended] = await Promise.all([
        advanceWatermark(tx, lane, term, this.watermark, to),
        this.readAppended(tx, this.position),
      ]);
      const batch = new Batch();
      for (const fact of [...this.conclusions, ...facts]) batch.emit(fact);
      presence.begin(turns);
      const takenIn = await this.takeIn(tx, appended, batch);
      presence.writeOwed(batch.emit);
      // What was concluded before the contacts stands before them, where a replay expects it.
      batch.close();
      processMessages(read, { presence, batch, rejects, limiter: this.limiter });
      let position = head;
      const segments = batch.finish();
      for (const segment of segments) position = await this.write(tx, segment, to.epoch, position);
      position = await this.settleReports(tx, batch, position);
      const written = segments.reduce((sum, segment) => sum + segment.facts.length, takenIn);
      return { contacts: batch.contacts, chunks: segments.flatMap(({ chunks }) => chunks), facts: written, position };
    });
  }

  /** A page of the facts that others appended; under the log's lock, so nothing is beyond the head. */
  private readAppended(tx: Transaction, after: bigint): Promise<readonly Fact[]> {
    return readFacts(tx, { lane: this.options.lane, after, types: presenceFacts, limit: factPage });
  }

  /** Takes in the facts that others appended since, and counts them; what follows comes before the batch's contacts. */
  private async takeIn(tx: Transaction, appended: readonly Fact[], batch: Batch): Promise<number> {
    const { lane, presence } = this.options;
    const { emit } = batch;
    let count = 0;
    for (let facts = appended; ;) {
      count += facts.length;
      for (const fact of facts) await takeInOrder(tx, lane, presence, fact, emit);
      const last = facts.at(-1);
      if (!last || facts.length < factPage) break;
      facts = await this.readAppended(tx, last.position);
    }
    await reclassifySome(tx, lane, presence, emit);
    return count;
  }

  private async write(tx: Transaction, segment: Segment, epoch: number, before: bigint): Promise<bigint> {
    const { lane, projections } = this.options;
    let position = before;
    for (const chunk of segment.chunks) {
      await this.ensurePartition(tx, chunk.at);
      position = (await appendChunk(tx, lane, epoch, chunk)) + BigInt(chunk.count) - 1n;
    }
    const facts = await appendFacts(tx, lane, segment.facts, projections);
    return facts.at(-1)?.position ?? position;
  }

  /**
   * Takes in what beats reported. Nobody else reads these facts back into memory, so it takes them in here as a replay
   * will: a confirmed policy has its tighter limit from now on (G3).
   */
  private async settleReports(tx: Transaction, batch: Batch, before: bigint): Promise<bigint> {
    const { lane, presence, projections } = this.options;
    if (batch.reports.size === 0) return before;
    const settled = await settleReports(tx, presence.members, batch.reports);
    const facts = await appendFacts(tx, lane, settled, projections);
    for (const fact of facts) presence.apply(fact, noConclusion);
    return facts.at(-1)?.position ?? before;
  }

  private async ensurePartition(tx: Transaction, at: number): Promise<void> {
    if (at < this.partitionsUntil && at >= this.partitionsUntil - 2 * day) return;
    await ensurePartitions(tx, at);
    this.partitionsUntil = Math.floor(at / day) * day + 2 * day;
  }

  /** How far behind the last message processed was when it was committed, in seconds. */
  lagAt(now: number): number {
    return Math.max(0, (now - toMilliseconds(this.watermark.time)) / 1000);
  }
}
