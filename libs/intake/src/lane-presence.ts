import type { Fact, LaneKind, Network, NewFact } from '#contracts';
import {
  type Classifier,
  compileNetworks,
  inactiveRemovals,
  isExpectedToSpeak,
  isOverdue,
  nextRemoval,
  Outages,
  provesOnline,
  statusOf,
  type TransitionCause,
  turnsOnContact,
} from '#domain';
import { hashOf } from './addresses.js';
import { applyFact } from './apply-fact.js';
import { because, type Cause } from './cause.js';
import { Members } from './members.js';
import { OwedTurns, type OwedTurn } from './owed-turns.js';
import { Policies } from './policies.js';
import { TimingWheel } from './wheel.js';

/** Takes a fact that presence concludes; a replay passes one that does nothing, for the log has them already. */
export type Emit = (fact: NewFact) => void;

/** Silence of everybody, or of the ticks, longer than this (milliseconds) means that the broker or server was away. */
const outageThreshold = 2_000;

const system = { actor: 'system' } as const;
const silence: OwedTurn = { cause: 'silence', why: {} };
const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/**
 * The presence of a lane: the rules of `domain` applied to its clients in the order of the log. Live intake and replay
 * run the same code; they differ in what they do with the facts it emits.
 */
export class LanePresence {
  /** Arrival of the last message, in milliseconds: the log's time. */
  clock = 0;
  lastTick = 0;
  networks: readonly Network[] = [];
  /** The networks changed at `since`; clients from the ordinal `next` on are still to be classified anew (R1). */
  reclassification: { readonly since: number; readonly next: number; readonly cause: Cause } | undefined;
  /** When clients were last removed as inactive, oldest first; no more than the cap counts (R8). */
  readonly removals: number[] = [];
  /** Who turned offline without the log's saying so yet (R5, R7). */
  readonly owed = new OwedTurns();
  private classifier: Classifier = compileNetworks([]);
  private wheel = new TimingWheel(0, 0);

  constructor(
    readonly members = new Members(),
    readonly policies = new Policies(),
    readonly outages = { broker: new Outages(), server: new Outages() },
    /** How many of its clients may be removed as inactive in an hour (R8). */
    private readonly removalLimit: number = inactiveRemovals.limit,
  ) {}

  setNetworks(networks: readonly Network[]): void {
    this.networks = networks;
    this.classifier = compileNetworks(networks);
  }

  /** Hangs every client at what it is watched for; to be called once the state is loaded, before time goes on. */
  watchAll(): void {
    this.wheel = new TimingWheel(this.members.size, this.clock);
    for (let ordinal = 0; ordinal < this.members.count; ordinal++) this.watch(ordinal);
  }

  /** Begins a transaction that may write so many turns to offline that follow from time, or from a policy. */
  begin(turns: number): void {
    this.owed.begin(turns);
  }

  /** Writes turns that are owed, as many as the transaction may. */
  writeOwed(emit: Emit): void {
    this.owed.forEach((ordinal) => this.writeOwedOf(ordinal, emit));
  }

  /** Lets the log's time pass up to a message's arrival; puts offline whoever was silent too long (R5, G1). */
  advance(at: number, isTick: boolean, emit: Emit): number {
    const now = Math.max(at, this.clock);
    if (this.clock > 0 && now - this.clock > outageThreshold) this.observeOutage('broker', this.clock, now, emit);
    if (isTick) {
      if (this.lastTick > 0 && now - this.lastTick > outageThreshold) {
        this.observeOutage('server', this.lastTick, now, emit);
      }
      this.lastTick = now;
    }
    this.clock = now;
    let isTooMany = false;
    this.wheel.advance(now, (ordinal) => {
      if (this.owed.isFull && this.isSilent(ordinal, now, this.lastTick)) isTooMany = true;
      else if (!this.settle(ordinal, now, emit)) this.watch(ordinal, now);
    });
    if (isTooMany) {
      emit({
        type: 'lane-silence-judged',
        client: null,
        meta: system,
        data: { at: iso(now), tick: iso(this.lastTick) },
      });
      this.judgeSilent(now, this.lastTick);
    }
    return now;
  }

  /**
   * Puts offline, in memory, whoever was silent too long by a time and by a tick, and owes the log their transitions. A
   * replay does the same where it meets the fact of it, so nothing that comes later changes a verdict that is not
   * written yet: no outage, no policy, no restart.
   */
  judgeSilent(at: number, tick: number): void {
    const { members } = this;
    const { silenceFrom, limit } = members.data;
    for (let ordinal = 0; ordinal < members.count; ordinal++) {
      // Nobody's deadline is earlier; of a million, this spares nearly all the rest.
      if ((silenceFrom[ordinal] ?? 0) + (limit[ordinal] ?? 0) >= at) continue;
      if (!this.isSilent(ordinal, at, tick)) continue;
      this.owe(ordinal, silence, members.deadlineOf(ordinal, this.outages));
    }
  }

  /** A client that is online turns offline; the log is told when there is room, with this time. */
  owe(ordinal: number, turn: OwedTurn, at: number): void {
    this.members.setOnline(ordinal, false, at);
    this.watch(ordinal);
    this.owed.owe(ordinal, turn);
  }

  /** Writes the turn that is owed of a client, if one is: before anything else that the log is to say of it. */
  writeOwedOf(ordinal: number, emit: Emit): void {
    const turn = this.owed.settle(ordinal);
    if (!turn) return;
    this.owed.count();
    this.emitStatus(ordinal, turn.cause, this.members.data.since[ordinal] ?? 0, because(turn.why, emit));
  }

  private observeOutage(away: 'broker' | 'server', from: number, to: number, emit: Emit): void {
    this.outages[away].add({ from, to });
    emit({ type: 'lane-gap-observed', client: null, meta: system, data: { from: iso(from), to: iso(to), away } });
  }

  /** Draws what follows from time alone for one client: silent too long, or offline too long. Whether it did. */
  settle(ordinal: number, now: number, emit: Emit): boolean {
    this.writeOwedOf(ordinal, emit);
    return this.members.isWatched(ordinal) ? this.expire(ordinal, now, emit) : this.removeInactive(ordinal, now, emit);
  }

  /** A contact arrived, or what a verification found; {@link advance} and {@link settle} were called with its time. */
  receive(ordinal: number, kind: LaneKind, at: number, emit: Emit): void {
    const { members } = this;
    const client = {
      online: members.isOnline(ordinal),
      network: members.networkOf(ordinal),
      grant: members.grantOf(ordinal),
    };
    const silentFrom = members.data.silenceFrom[ordinal] ?? 0;
    this.recordContact(ordinal, kind, at);
    // The first contact after an outage is the only one that makes a deadline come earlier: the wheel must be told.
    if (this.outages.broker.isAfter(silentFrom) || this.outages.server.isAfter(silentFrom)) this.watch(ordinal);
    if (kind === 'uninstall') {
      members.setRegistered(ordinal, false);
      const data = { cause: 'uninstalled', by: 'agent' } as const;
      emit({ type: 'client-removed', client: members.idOf(ordinal), meta: { actor: 'agent' }, data });
    }
    for (const turn of turnsOnContact(kind, client)) this.turn(ordinal, turn.online, turn.cause, at, emit);
  }

  /** What a contact changes whoever decides: when the client was last heard, and its silence limit. */
  recordContact(ordinal: number, kind: LaneKind, at: number): void {
    const { members } = this;
    const { data } = members;
    if (kind !== 'unanswered') data.lastContact[ordinal] = at;
    if (kind === 'heartbeat') data.lastHeartbeat[ordinal] = at;
    else if (kind === 'poll') data.lastPoll[ordinal] = at;
    if (provesOnline(kind, members.networkOf(ordinal), members.grantOf(ordinal))) data.silenceFrom[ordinal] = at;
  }

  /** The client reported its addresses: if they are others, it is classified anew (R1). Whether they were. */
  receiveAddresses(ordinal: number, ips: readonly string[], at: number, emit: Emit): boolean {
    const hash = hashOf(ips);
    if (this.members.data.ipsHash[ordinal] === hash) return false;
    this.members.data.ipsHash[ordinal] = hash;
    const client = this.members.idOf(ordinal);
    emit({ type: 'client-addresses-changed', client, meta: { actor: 'agent' }, data: { ips } });
    this.classify(ordinal, ips, at, emit);
    return true;
  }

  /** The network that these addresses lie in, set without a conclusion. */
  setNetworkOf(ordinal: number, ips: readonly string[]): void {
    const { network, networkName } = this.classifier(ips);
    this.members.setNetwork(ordinal, network, networkName);
  }

  /** Puts a client into the network its addresses lie in; it stays online or offline as it was (R1). Whether it moved. */
  classify(ordinal: number, ips: readonly string[], at: number, emit: Emit): boolean {
    const { members } = this;
    const { network, networkName } = this.classifier(ips);
    if (network === members.networkOf(ordinal) && networkName === members.networkNameOf(ordinal)) return false;
    this.writeOwedOf(ordinal, emit);
    const wasExpected = isExpectedToSpeak(members.networkOf(ordinal), members.grantOf(ordinal));
    members.setNetwork(ordinal, network, networkName);
    this.startLimit(ordinal, wasExpected, at);
    if (members.isRegistered(ordinal) && members.hasStatus(ordinal)) {
      this.turn(ordinal, members.isOnline(ordinal), 'network-changed', at, emit);
    }
    return true;
  }

  /**
   * Classifies a client anew by its stored addresses. If they are others than presence knows, it registers again
   * further on in the log, and is classified there.
   */
  reclassify(ordinal: number, ips: readonly string[], at: number, emit: Emit): boolean {
    const { members } = this;
    const isKnown = members.isRegistered(ordinal) && members.data.ipsHash[ordinal] === hashOf(ips);
    return isKnown && this.classify(ordinal, ips, at, emit);
  }

  /** Takes in a fact of the log, whoever appended it. */
  apply(fact: Fact, emit: Emit): void {
    applyFact(this, fact, emit);
  }

  /** Whoever is expected to speak from now on has the whole limit from now on (R1). */
  startLimit(ordinal: number, wasExpected: boolean, at: number): void {
    const { members } = this;
    if (wasExpected || !isExpectedToSpeak(members.networkOf(ordinal), members.grantOf(ordinal))) return;
    members.data.silenceFrom[ordinal] = Math.max(members.data.silenceFrom[ordinal] ?? 0, at);
  }

  /** A client turns online or offline, or shows another status. */
  turn(ordinal: number, online: boolean, cause: TransitionCause, at: number, emit: Emit): void {
    this.members.setOnline(ordinal, online, at);
    this.watch(ordinal);
    this.emitStatus(ordinal, cause, at, emit);
  }

  private emitStatus(ordinal: number, cause: TransitionCause, at: number, emit: Emit): void {
    const { members } = this;
    const network = members.networkOf(ordinal);
    emit({
      type: 'client-status-changed',
      client: members.idOf(ordinal),
      meta: system,
      data: {
        at: iso(at),
        status: statusOf(network, members.isOnline(ordinal)),
        cause,
        network,
        networkName: members.networkNameOf(ordinal),
      },
    });
  }

  /** Hangs a client at the time when something follows from time alone; not before `notBefore`. */
  watch(ordinal: number, notBefore = 0): void {
    if (this.members.size > this.wheel.capacity) this.growWheel();
    if (this.wheel.capacity === 0) return;
    const due = this.dueAt(ordinal);
    if (due === undefined) this.wheel.remove(ordinal);
    else this.wheel.hang(ordinal, Math.max(due, notBefore));
  }

  noteRemoval(at: number): void {
    this.removals.push(at);
    if (this.removals.length > this.removalLimit) this.removals.shift();
  }

  private dueAt(ordinal: number): number | undefined {
    const { members, outages } = this;
    if (members.isWatched(ordinal)) return members.deadlineOf(ordinal, outages);
    const removal = members.removalOf(ordinal, outages);
    return removal === undefined ? undefined : Math.max(removal, nextRemoval(this.removals, this.removalLimit));
  }

  /** Puts a client offline if its deadline lies before `now`; the transition has the deadline's time. */
  private expire(ordinal: number, now: number, emit: Emit): boolean {
    if (!this.isSilent(ordinal, now, this.lastTick)) return false;
    this.owed.count();
    this.turn(ordinal, false, 'silence', this.members.deadlineOf(ordinal, this.outages), emit);
    return true;
  }

  /**
   * Whether a client has been silent too long. Whether a server was there to hear who only polls, nothing but a tick
   * after the deadline tells (G1).
   */
  private isSilent(ordinal: number, now: number, tick: number): boolean {
    const { members } = this;
    const heardUntil = members.needsServer(ordinal) ? tick : now;
    return members.isWatched(ordinal) && isOverdue(members.deadlineOf(ordinal, this.outages), heardUntil);
  }

  /** Removes a client that was offline too long, unless the cap says to wait (R8). */
  private removeInactive(ordinal: number, now: number, emit: Emit): boolean {
    const due = this.dueAt(ordinal);
    if (due === undefined || !isOverdue(due, this.lastTick)) return false;
    this.members.setRegistered(ordinal, false);
    this.noteRemoval(due);
    const data = { cause: 'inactive', by: 'server' } as const;
    emit({ type: 'client-removed', client: this.members.idOf(ordinal), meta: system, data });
    this.turn(ordinal, false, 'inactive', due, emit);
    return true;
  }

  /** Whether a client that spoke between two times, the second of which is now, would have been heard (G1). */
  wasAnybodyHeard(from: number, now: number): boolean {
    const { broker, server } = this.outages;
    const isTicking = now - this.lastTick <= outageThreshold;
    return isTicking && !broker.isAfter(from) && !server.isAfter(from);
  }

  /**
   * Makes a change after which a client may be due earlier: not before the change (G3), nor later than it was due
   * anyway. Whoever was due before the change, which nothing but the next tick shows, is due when it was.
   */
  tighten(ordinal: number, at: number, change: () => void): void {
    const { limitFrom } = this.members.data;
    const held = limitFrom[ordinal] ?? 0;
    const heldDue = this.dueAt(ordinal) ?? Infinity;
    // Compared without what an earlier change holds back: an outage that is yet to show may move both beyond it.
    limitFrom[ordinal] = 0;
    const before = this.dueAt(ordinal) ?? Infinity;
    change();
    const isTighter = (this.dueAt(ordinal) ?? Infinity) < before;
    limitFrom[ordinal] = isTighter ? Math.min(at, heldDue) : held;
    this.watch(ordinal);
  }

  private growWheel(): void {
    if (this.wheel.capacity > 0) this.wheel.grow(this.members.size);
  }
}
