import { type ContactKind, type Fact, type FactOf, type Network, type NewFact, policyKey } from '#contracts';
import {
  type Classifier,
  compileNetworks,
  groupChain,
  isExpectedToSpeak,
  isOverdue,
  Outages,
  provesOnline,
  statusOf,
  type TransitionCause,
  turnsOnContact,
  turnsOnGrant,
} from '#domain';
import { Members } from './members.js';
import { Policies } from './policies.js';
import { TimingWheel } from './wheel.js';

/** Takes a fact that presence concludes; a replay passes one that does nothing, for the log has them already. */
export type Emit = (fact: NewFact) => void;

/** Silence of everybody, or of the ticks, longer than this (milliseconds) means that the broker or server was away. */
const outageThreshold = 2_000;

const system = { actor: 'system' } as const;
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
  /** Set when the networks changed: every client is to be classified anew, see {@link classify}. */
  mustReclassify: Date | undefined;
  private classifier: Classifier = compileNetworks([]);
  private wheel = new TimingWheel(0, 0);

  constructor(
    readonly members = new Members(),
    readonly policies = new Policies(),
    readonly outages = { broker: new Outages(), server: new Outages() },
  ) {}

  setNetworks(networks: readonly Network[]): void {
    this.networks = networks;
    this.classifier = compileNetworks(networks);
  }

  /** Hangs every watched client at its deadline; to be called once the state is loaded, before time goes on. */
  watchAll(): void {
    this.wheel = new TimingWheel(this.members.size, this.clock);
    for (let ordinal = 0; ordinal < this.members.count; ordinal++) this.watch(ordinal);
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
    this.wheel.advance(now, (ordinal) => {
      if (!this.members.isWatched(ordinal)) return;
      if (!this.expire(ordinal, now, emit)) this.watch(ordinal, now);
    });
    return now;
  }

  private observeOutage(away: 'broker' | 'server', from: number, to: number, emit: Emit): void {
    this.outages[away].add({ from, to });
    emit({ type: 'lane-gap-observed', client: null, meta: system, data: { from: iso(from), to: iso(to), away } });
  }

  /** A contact arrived; `advance` was called with its time before. */
  receive(ordinal: number, kind: ContactKind, at: number, emit: Emit): void {
    const { members } = this;
    if (members.isWatched(ordinal)) this.expire(ordinal, at, emit);
    const client = {
      online: members.isOnline(ordinal),
      network: members.networkOf(ordinal),
      grant: members.grantOf(ordinal),
    };
    this.recordContact(ordinal, kind, at);
    if (kind === 'uninstall') {
      members.setRegistered(ordinal, false);
      const data = { cause: 'uninstalled', by: 'agent' } as const;
      emit({ type: 'client-removed', client: members.ids[ordinal] ?? '', meta: { actor: 'agent' }, data });
    }
    for (const turn of turnsOnContact(kind, client)) this.turn(ordinal, turn.online, turn.cause, at, emit);
  }

  /** What a contact changes whoever decides: when the client was last heard, and its silence limit. */
  recordContact(ordinal: number, kind: ContactKind, at: number): void {
    const { members } = this;
    const { data } = members;
    data.lastContact[ordinal] = at;
    if (kind === 'heartbeat') data.lastHeartbeat[ordinal] = at;
    else if (kind === 'poll') data.lastPoll[ordinal] = at;
    if (provesOnline(kind, members.networkOf(ordinal), members.grantOf(ordinal))) data.silenceFrom[ordinal] = at;
  }

  /** The client reported its addresses: if they are others, it is classified anew (R1). Whether they were. */
  receiveAddresses(ordinal: number, ips: readonly string[], at: number, emit: Emit): boolean {
    const hash = hashOf(ips);
    if (this.members.data.ipsHash[ordinal] === hash) return false;
    this.members.data.ipsHash[ordinal] = hash;
    const client = this.members.ids[ordinal] ?? '';
    emit({ type: 'client-addresses-changed', client, meta: { actor: 'agent' }, data: { ips } });
    this.classify(ordinal, ips, at, emit);
    return true;
  }

  /** Puts a client into the network its addresses lie in; it stays online or offline as it was (R1). */
  classify(ordinal: number, ips: readonly string[], at: number, emit: Emit): void {
    const { members } = this;
    const { network, networkName } = this.classifier(ips);
    if (network === members.networkOf(ordinal) && networkName === members.networkNameOf(ordinal)) return;
    const wasExpected = isExpectedToSpeak(members.networkOf(ordinal), members.grantOf(ordinal));
    members.setNetwork(ordinal, network, networkName);
    this.startLimit(ordinal, wasExpected, at);
    if (members.isRegistered(ordinal) && members.hasStatus(ordinal)) {
      this.turn(ordinal, members.isOnline(ordinal), 'network-changed', at, emit);
    }
  }

  /** Takes in a fact of the log, whoever appended it. */
  apply(fact: Fact, emit: Emit): void {
    switch (fact.type) {
      case 'client-registered':
        return this.applyRegistered(fact);
      case 'client-edited':
        return this.applyEdited(fact, emit);
      case 'client-removed':
        return this.applyRemoved(fact, emit);
      case 'client-addresses-changed':
        return this.withOrdinal(fact, (ordinal) => {
          this.members.data.ipsHash[ordinal] = hashOf(fact.data.ips);
        });
      case 'client-status-changed':
        return this.applyStatus(fact);
      case 'group-removed':
        return this.applyGroupRemoved(fact, emit);
      case 'settings-changed':
        return this.applySettings(fact, emit);
      case 'work-settled':
        return this.applySettled(fact);
      case 'networks-changed':
        this.setNetworks(fact.data.networks);
        this.mustReclassify = fact.recordedAt;
        return;
      case 'lane-gap-observed': {
        const outage = { from: Date.parse(fact.data.from), to: Date.parse(fact.data.to) };
        this.outages[fact.data.away].add(outage);
        return;
      }
      default:
        return;
    }
  }

  private applyRegistered(fact: FactOf<'client-registered'>): void {
    const { members } = this;
    const { ordinal, ips, group } = fact.data;
    const id = fact.client ?? '';
    members.enter(ordinal, id);
    if (members.size > this.wheelSize) this.growWheel();
    members.setRegistered(ordinal, true);
    members.data.group[ordinal] = members.groups.number(group);
    members.data.ipsHash[ordinal] = hashOf(ips);
    members.data.clockSkew[ordinal] = Number.NaN;
    const { network, networkName } = this.classifier(ips);
    members.setNetwork(ordinal, network, networkName);
    members.policies[ordinal] = this.policies.of(id, group);
    members.data.limit[ordinal] = members.policyOf(ordinal).offlineAfter;
  }

  private applyEdited(fact: FactOf<'client-edited'>, emit: Emit): void {
    const { group } = fact.data;
    if (group === undefined) return;
    this.withOrdinal(fact, (ordinal) => {
      this.members.data.group[ordinal] = this.members.groups.number(group);
      this.applyPolicy(ordinal, fact.recordedAt.getTime(), emit);
    });
  }

  private applyRemoved(fact: FactOf<'client-removed'>, emit: Emit): void {
    this.withOrdinal(fact, (ordinal) => {
      this.members.setRegistered(ordinal, false);
      // An agent's goodbye is the owner's own conclusion: its transition is in the log beside it.
      if (fact.data.by === 'administrator') this.turn(ordinal, false, 'uninstalled', fact.recordedAt.getTime(), emit);
    });
  }

  /** Whoever was in the group has the policy of another group from now on (R20). */
  private applyGroupRemoved(fact: FactOf<'group-removed'>, emit: Emit): void {
    const { members, policies } = this;
    const { path, moveClientsTo } = fact.data;
    policies.removeGroup(path);
    const concerned = members.groups.list.map((group) => groupChain(group).includes(path));
    const target = members.groups.number(moveClientsTo ?? '');
    for (let ordinal = 0; ordinal < members.count; ordinal++) {
      if (!concerned[members.data.group[ordinal] ?? 0]) continue;
      members.data.group[ordinal] = target;
      this.applyPolicy(ordinal, fact.recordedAt.getTime(), emit);
    }
  }

  private applyStatus(fact: FactOf<'client-status-changed'>): void {
    this.withOrdinal(fact, (ordinal) => {
      const { status, network, networkName } = fact.data;
      this.members.setNetwork(ordinal, network, networkName);
      this.members.setOnline(ordinal, status === 'Online' || status === 'Unreachable/Online');
    });
  }

  private applySettings(fact: FactOf<'settings-changed'>, emit: Emit): void {
    const { level, patch, values } = fact.data;
    if (!(policyKey in patch)) return;
    this.policies.set(level, values, fact.position);
    const at = fact.recordedAt.getTime();
    const { members } = this;
    if (level.scope === 'client') {
      const ordinal = members.ordinalOf(level.id);
      if (ordinal !== undefined) this.applyPolicy(ordinal, at, emit);
      return;
    }
    const concerned = members.groups.list.map(
      (group) => level.scope === 'fleet' || groupChain(group).includes(level.path),
    );
    for (let ordinal = 0; ordinal < members.count; ordinal++) {
      if (concerned[members.data.group[ordinal] ?? 0]) this.applyPolicy(ordinal, at, emit);
    }
  }

  /** A wider limit holds at once, a tighter one once the client has acknowledged it (G3). */
  private applyPolicy(ordinal: number, at: number, emit: Emit): void {
    const { members } = this;
    const before = members.grantOf(ordinal);
    const network = members.networkOf(ordinal);
    const policy = this.policies.of(members.ids[ordinal] ?? '', members.groupOf(ordinal));
    members.policies[ordinal] = policy;
    members.data.limit[ordinal] = Math.max(members.data.limit[ordinal] ?? 0, policy.offlineAfter);
    this.startLimit(ordinal, isExpectedToSpeak(network, before), at);
    const client = { online: members.isOnline(ordinal), network };
    for (const turn of turnsOnGrant(client, before, members.grantOf(ordinal))) {
      this.turn(ordinal, turn.online, turn.cause, at, emit);
    }
    this.watch(ordinal);
  }

  private applySettled(fact: FactOf<'work-settled'>): void {
    const settled = fact.data.items.find((item) => item.kind === 'settings' && item.outcome === 'applied');
    if (!settled) return;
    this.withOrdinal(fact, (ordinal) => {
      const { members } = this;
      const changed = this.policies.revisionOf(members.ids[ordinal] ?? '', members.groupOf(ordinal));
      if (BigInt(settled.revision) < changed) return;
      members.data.limit[ordinal] = members.policyOf(ordinal).offlineAfter;
      this.watch(ordinal);
    });
  }

  /** Whoever is expected to speak from now on has the whole limit from now on (R1). */
  private startLimit(ordinal: number, wasExpected: boolean, at: number): void {
    const { members } = this;
    if (wasExpected || !isExpectedToSpeak(members.networkOf(ordinal), members.grantOf(ordinal))) return;
    members.data.silenceFrom[ordinal] = Math.max(members.data.silenceFrom[ordinal] ?? 0, at);
    members.data.limit[ordinal] = members.policyOf(ordinal).offlineAfter;
  }

  private withOrdinal(fact: Fact, apply: (ordinal: number) => void): void {
    const ordinal = fact.client === null ? undefined : this.members.ordinalOf(fact.client);
    if (ordinal !== undefined) apply(ordinal);
  }

  /** Puts a client offline if its deadline lies before `now`; the transition has the deadline's time. */
  private expire(ordinal: number, now: number, emit: Emit): boolean {
    const deadline = this.members.deadlineOf(ordinal, this.outages);
    if (!isOverdue(deadline, now)) return false;
    // Without ticks nobody was there to answer a poll; how long, the next tick will tell.
    const ticking = now - this.lastTick <= outageThreshold;
    if (!ticking && !this.members.grantOf(ordinal).heartbeat) return false;
    this.turn(ordinal, false, 'silence', deadline, emit);
    return true;
  }

  private turn(ordinal: number, online: boolean, cause: TransitionCause, at: number, emit: Emit): void {
    const { members } = this;
    members.setOnline(ordinal, online);
    this.watch(ordinal);
    const network = members.networkOf(ordinal);
    emit({
      type: 'client-status-changed',
      client: members.ids[ordinal] ?? '',
      meta: system,
      data: {
        at: iso(at),
        status: statusOf(network, online),
        cause,
        network,
        networkName: members.networkNameOf(ordinal),
      },
    });
  }

  private watch(ordinal: number, notBefore = 0): void {
    if (this.wheelSize === 0) return;
    if (!this.members.isWatched(ordinal)) return this.wheel.remove(ordinal);
    this.wheel.hang(ordinal, Math.max(this.members.deadlineOf(ordinal, this.outages), notBefore));
  }

  private get wheelSize(): number {
    return this.wheel.capacity;
  }

  private growWheel(): void {
    if (this.wheelSize > 0) this.wheel.grow(this.members.size);
  }
}

/** FNV-1a over the addresses, as a number that fits a double; 0 is kept for none known. */
export const hashOf = (ips: readonly string[]): number => {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (const character of ips.join(',')) {
    const code = character.charCodeAt(0);
    high = Math.imul(high ^ code, 0x01000193) >>> 0;
    low = Math.imul(low ^ code, 0x85ebca6b) >>> 0;
  }
  return (high & 0x1fffff) * 0x1_0000_0000 + low + 1;
};
