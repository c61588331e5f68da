import type { Fact, NewFact } from '#contracts';
import type { Chunk } from '#event-log';
import type { Lane } from './live.js';
import {
  Batch,
  because,
  causeOf,
  ContactLimiter,
  LanePresence,
  processMessages,
  readMessages,
  Replay,
  type SourceMessage,
  waitsForClasses,
} from '#intake';

/** What stands in a lane's log: contacts in chunks, and facts. */
export type LogItem =
  { readonly chunk: Chunk; readonly position: bigint } | { readonly fact: Fact; readonly position: bigint };

const ignore = () => undefined;
const rejects = { record: ignore };

/** A lane whose log is a list: what its owner does to a database, with the same code that decides and packs. */
export class MemoryLane implements Lane {
  readonly log: LogItem[] = [];
  presence = started(new LanePresence());
  /** The position of the last thing in the log. */
  head = 0n;
  /** What follows from the facts up to here is in the log. */
  private seen = 0n;
  /** The owner has taken in the facts up to here. */
  private taken = 0n;
  private conclusions: readonly NewFact[] = [];
  private limiter = new ContactLimiter();
  private committed = { clock: 0, lastTick: 0 };

  /** @param turns to offline by time or by a policy in one transaction at most */
  constructor(private readonly turns = Infinity) {}

  get isBusy(): boolean {
    return !this.presence.owed.isEmpty;
  }

  isListed(id: string): boolean {
    const ordinal = this.presence.members.ordinalOf(id);
    return ordinal !== undefined && this.presence.members.isRegistered(ordinal) && !this.removedSince(id);
  }

  /** Appends a fact that somebody else than the owner appends; returns its position. */
  append(fact: NewFact, at: number): bigint {
    this.head++;
    const stored: Fact = { ...fact, lane: 0, position: this.head, id: '', recordedAt: new Date(at) };
    this.log.push({ fact: stored, position: this.head });
    return this.head;
  }

  /** What the owner does with a batch of messages; if the commit fails, its successor is offered them again (G7). */
  offer(messages: readonly SourceMessage[], commitFails = false): void {
    const { presence } = this;
    const read = readMessages(messages, presence.members);
    const batch = new Batch();
    for (const fact of this.conclusions) batch.emit(fact);
    presence.begin(this.turns);
    if (this.head > this.taken || presence.reclassification) this.takeIn(batch);
    presence.writeOwed((fact) => batch.emit(fact));
    batch.close();
    processMessages(read, { presence, batch, limiter: this.limiter, rejects });
    const segments = batch.finish();
    if (commitFails) {
      this.succeed();
      return this.offer(messages);
    }
    for (const { chunks, facts } of segments) {
      for (const chunk of chunks) {
        this.log.push({ chunk, position: this.head + 1n });
        this.head += BigInt(chunk.count);
      }
      for (const fact of facts) this.append(fact, presence.clock);
    }
    this.seen = this.head;
    this.taken = this.head;
    this.conclusions = [];
    this.committed = { clock: presence.clock, lastTick: presence.lastTick };
  }

  /** Presence rebuilt from the log alone; with it what follows from facts that no owner has seen. */
  rebuild(): { readonly presence: LanePresence; readonly conclusions: readonly NewFact[] } {
    const presence = new LanePresence();
    const conclusions: NewFact[] = [];
    const replay = new Replay(presence);
    for (const item of this.log) {
      if ('chunk' in item) replay.contacts(item.chunk);
      else if (item.position <= this.seen) replay.fact(item.fact);
      else {
        replay.catchUp();
        this.takeInOrder(presence, item.fact, (fact) => conclusions.push(fact));
      }
    }
    replay.catchUp();
    const { members } = presence;
    for (const [ordinal, ips] of this.addresses()) {
      if (!members.hasStatus(ordinal)) presence.setNetworkOf(ordinal, ips);
    }
    Object.assign(presence, this.committed);
    return { presence: started(presence), conclusions };
  }

  private succeed(): void {
    const { presence, conclusions } = this.rebuild();
    this.presence = presence;
    this.conclusions = conclusions;
    this.taken = this.head;
    this.limiter = new ContactLimiter();
  }

  private takeIn(batch: Batch): void {
    const { presence } = this;
    const emit = (fact: NewFact) => batch.emit(fact);
    for (const item of this.log) {
      if ('fact' in item && item.position > this.taken) this.takeInOrder(presence, item.fact, emit);
    }
    reclassify(presence, this.addresses(), emit);
  }

  private takeInOrder(presence: LanePresence, fact: Fact, emit: (fact: NewFact) => void): void {
    if (waitsForClasses(presence, fact)) reclassify(presence, this.addresses(), emit);
    presence.apply(fact, because(causeOf(fact), emit));
  }

  private removedSince(id: string): boolean {
    return this.log.some(
      (item) =>
        'fact' in item && item.position > this.seen && item.fact.type === 'client-removed' && item.fact.client === id,
    );
  }

  /** The addresses of everybody by ordinal, as the table of clients has them. */
  private addresses(): ReadonlyMap<number, readonly string[]> {
    const ordinals = new Map<string, number>();
    const addresses = new Map<number, readonly string[]>();
    for (const item of this.log) {
      if (!('fact' in item)) continue;
      const { fact } = item;
      const ordinal = ordinals.get(fact.client ?? '');
      if (fact.type === 'client-registered') {
        ordinals.set(fact.client ?? '', fact.data.ordinal);
        addresses.set(fact.data.ordinal, fact.data.ips);
      } else if (ordinal !== undefined && fact.type === 'client-addresses-changed')
        addresses.set(ordinal, fact.data.ips);
    }
    return addresses;
  }
}

/** Goes through all clients after a change of the networks, as the owner does by the table of clients. */
export const reclassify = (
  presence: LanePresence,
  addresses: ReadonlyMap<number, readonly string[]>,
  emit: (fact: NewFact) => void,
): void => {
  const pass = presence.reclassification;
  if (!pass) return;
  const at = Math.max(pass.since, presence.clock);
  const emitChange = because(pass.cause, emit);
  for (const [ordinal, ips] of [...addresses].sort(([a], [b]) => a - b)) {
    presence.reclassify(ordinal, ips, at, emitChange);
  }
  presence.reclassification = undefined;
};

const started = (presence: LanePresence): LanePresence => {
  presence.watchAll();
  return presence;
};
