import type { NetworkClass, Status } from '#contracts';
import { defaultPolicy, type Grant, grantOf, isExpectedToSpeak, type Outages, type Policy, statusOf } from '#domain';
import { grown, Ids } from './ids.js';

/** Bits of a client's state. */
const registered = 1;
const online = 2;
const unreachable = 4;
/** A status was recorded at least once since it registered. */
const known = 8;
/** By what it may act on, its word reaches the lane only while a server is there: it polls. */
const needsServer = 16;

/** Columns by ordinal that are kept in a snapshot. Times are milliseconds of the log's time; 0 is never. */
const columns = {
  flags: Uint8Array,
  group: Uint32Array,
  /** When it went online or offline; a change of its network leaves it as it was (R1). */
  since: Float64Array,
  /** The position of the last fact that may have changed its policy. */
  policyRevision: Float64Array,
  /** The settings revision that it last said to have; 0 is none, NaN is to be looked into whatever it says (G6). */
  reportedRevision: Float64Array,
  networkName: Uint16Array,
  /** The moment from which silence is measured (R5). */
  silenceFrom: Float64Array,
  /** How long the client may be silent: as granted, and while it does not know better, as granted before (G3). */
  limit: Float64Array,
  /** How often it speaks, likewise (G1, G3). */
  interval: Float64Array,
  /** What it is watched for cannot be due before: a limit that was tightened holds from then on only (G3). */
  limitFrom: Float64Array,
  lastContact: Float64Array,
  lastHeartbeat: Float64Array,
  lastPoll: Float64Array,
  ipsHash: Float64Array,
  clockSkew: Float32Array,
} as const;
type Columns = { [K in keyof typeof columns]: InstanceType<(typeof columns)[K]> };
export const columnNames = Object.keys(columns) as (keyof Columns)[];

const allocate = (capacity: number): Columns => ({
  flags: new Uint8Array(capacity),
  group: new Uint32Array(capacity),
  since: new Float64Array(capacity),
  policyRevision: new Float64Array(capacity),
  reportedRevision: new Float64Array(capacity),
  networkName: new Uint16Array(capacity),
  silenceFrom: new Float64Array(capacity),
  limit: new Float64Array(capacity),
  interval: new Float64Array(capacity),
  limitFrom: new Float64Array(capacity),
  lastContact: new Float64Array(capacity),
  lastHeartbeat: new Float64Array(capacity),
  lastPoll: new Float64Array(capacity),
  ipsHash: new Float64Array(capacity),
  clockSkew: new Float32Array(capacity).fill(Number.NaN),
});

/** Strings that many clients share, by number. */
export class Names {
  private readonly numbers = new Map<string, number>();

  constructor(readonly list: string[] = []) {
    list.forEach((name, i) => this.numbers.set(name, i));
  }

  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.list.length);
    return this.list.push(name) - 1;
  }
}

/**
 * The presence of every client of a lane, as arrays by ordinal: about 150 bytes a client and no object. It decides
 * nothing.
 */
export class Members {
  data: Columns = allocate(1024);
  readonly ids = new Ids();
  readonly policies: Policy[] = [];
  private capacity = 1024;

  constructor(
    readonly groups = new Names(['']),
    readonly networks = new Names(['']),
  ) {}

  get count(): number {
    return this.ids.count;
  }

  get size(): number {
    return this.capacity;
  }

  ordinalOf(id: string): number | undefined {
    return this.ids.ordinalOf(id);
  }

  idOf(ordinal: number): string {
    return this.ids.of(ordinal);
  }

  /** Makes room for a client; a client that comes back keeps its ordinal. */
  enter(ordinal: number, id: string): void {
    this.makeRoom(ordinal + 1);
    this.ids.enter(ordinal, id);
    this.policies[ordinal] ??= defaultPolicy;
  }

  /** Makes room for the ordinals below a number. */
  makeRoom(ordinals: number): void {
    if (ordinals > this.capacity) this.grow(ordinals);
    this.ids.makeRoom(ordinals);
  }

  isRegistered(ordinal: number): boolean {
    return (this.flagsOf(ordinal) & registered) !== 0;
  }

  isOnline(ordinal: number): boolean {
    return (this.flagsOf(ordinal) & online) !== 0;
  }

  hasStatus(ordinal: number): boolean {
    return (this.flagsOf(ordinal) & known) !== 0;
  }

  networkOf(ordinal: number): NetworkClass {
    return (this.flagsOf(ordinal) & unreachable) !== 0 ? 'unreachable' : 'direct';
  }

  networkNameOf(ordinal: number): string | null {
    return this.networks.list[this.data.networkName[ordinal] ?? 0] || null;
  }

  groupOf(ordinal: number): string {
    return this.groups.list[this.data.group[ordinal] ?? 0] ?? '';
  }

  policyOf(ordinal: number): Policy {
    return this.policies[ordinal] ?? defaultPolicy;
  }

  grantOf(ordinal: number): Grant {
    return grantOf(this.policyOf(ordinal), this.networkOf(ordinal));
  }

  /** Registered clients by status; who never had one counts as offline, as everywhere. */
  countStatuses(): Record<Status, number> {
    const byFlags = new Uint32Array(256);
    for (let ordinal = 0; ordinal < this.count; ordinal++) {
      const flags = this.data.flags[ordinal] ?? 0;
      byFlags[flags] = (byFlags[flags] ?? 0) + 1;
    }
    const counts = { Online: 0, Offline: 0, 'Unreachable/Online': 0, 'Unreachable/Offline': 0 };
    byFlags.forEach((count, flags) => {
      if ((flags & registered) === 0) return;
      const network = (flags & known) !== 0 && (flags & unreachable) !== 0 ? 'unreachable' : 'direct';
      counts[statusOf(network, (flags & known) !== 0 && (flags & online) !== 0)] += count;
    });
    return counts;
  }

  setRegistered(ordinal: number, value: boolean): void {
    this.setFlag(ordinal, registered, value);
    this.setFlag(ordinal, known, false);
  }

  setOnline(ordinal: number, value: boolean, since: number): void {
    if (this.isOnline(ordinal) !== value || !this.hasStatus(ordinal)) this.data.since[ordinal] = since;
    this.setFlag(ordinal, online, value);
    this.setFlag(ordinal, known, true);
  }

  setNetwork(ordinal: number, network: NetworkClass, name: string | null): void {
    this.setFlag(ordinal, unreachable, network === 'unreachable');
    this.data.networkName[ordinal] = this.networks.number(name ?? '');
  }

  /** Notes the settings revision that it says to have. Whether it is another one than before. */
  reportRevision(ordinal: number, revision: number): boolean {
    const isNew = this.data.reportedRevision[ordinal] !== revision;
    this.data.reportedRevision[ordinal] = revision;
    return isNew;
  }

  /** Whether its silence would put it offline (R5). */
  isWatched(ordinal: number): boolean {
    return this.isOnline(ordinal) && isExpectedToSpeak(this.networkOf(ordinal), this.grantOf(ordinal));
  }

  /** It acts on its policy, whatever it was granted before. */
  adoptPolicy(ordinal: number): void {
    this.data.limit[ordinal] = 0;
    this.data.interval[ordinal] = 0;
    this.setFlag(ordinal, needsServer, false);
    this.addPolicy(ordinal);
  }

  /** It may act on its policy, or still on what it was granted before: the widest holds (G3). */
  addPolicy(ordinal: number): void {
    const { limit, interval } = this.data;
    const { heartbeat, poll, offlineAfter } = this.policyOf(ordinal);
    const speaksEvery = heartbeat.enabled ? heartbeat.interval : poll.interval;
    limit[ordinal] = Math.max(limit[ordinal] ?? 0, offlineAfter);
    interval[ordinal] = Math.max(interval[ordinal] ?? 0, speaksEvery);
    if (!heartbeat.enabled) this.setFlag(ordinal, needsServer, true);
  }

  /** Whether it reaches the lane only while a server is there, as far as is known what it acts on (G1). */
  needsServer(ordinal: number): boolean {
    return (this.flagsOf(ordinal) & needsServer) !== 0;
  }

  /**
   * When its silence has lasted too long. A client that beats reaches the stream whenever the broker is there; one
   * that may only poll needs a server too, whose outages are then what counts: the broker's lie in them (G1).
   */
  deadlineOf(ordinal: number, outages: { readonly broker: Outages; readonly server: Outages }): number {
    const { silenceFrom, limit, interval, limitFrom } = this.data;
    const since = silenceFrom[ordinal] ?? 0;
    const away = this.needsServer(ordinal) ? outages.server : outages.broker;
    const due = since + (limit[ordinal] ?? 0) + away.delayAfter(since, interval[ordinal] ?? 0);
    return Math.max(due, limitFrom[ordinal] ?? 0);
  }

  /**
   * When it has been offline so long that it is removed; undefined when it is not, or is not to be (R8). Nobody can come
   * back while the server is away, so that time does not count (G1).
   */
  removalOf(ordinal: number, outages: { readonly server: Outages }): number | undefined {
    const { removeInactiveAfter, poll } = this.policyOf(ordinal);
    const isOffline = this.isRegistered(ordinal) && this.hasStatus(ordinal) && !this.isOnline(ordinal);
    if (removeInactiveAfter === null || !isOffline) return undefined;
    const since = this.data.since[ordinal] ?? 0;
    const due = since + removeInactiveAfter + outages.server.delayAfter(since, poll.interval);
    return Math.max(due, this.data.limitFrom[ordinal] ?? 0);
  }

  private flagsOf(ordinal: number): number {
    return this.data.flags[ordinal] ?? 0;
  }

  private setFlag(ordinal: number, flag: number, value: boolean): void {
    const flags = this.flagsOf(ordinal);
    this.data.flags[ordinal] = value ? flags | flag : flags & ~flag;
  }

  private grow(needed: number): void {
    this.capacity = grown(this.capacity, needed);
    const longer = allocate(this.capacity);
    for (const name of columnNames) longer[name].set(this.data[name]);
    this.data = longer;
  }
}
