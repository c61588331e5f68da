import type { Spread } from './phases/spread.js';

/** What a run found out. Rates are per second, times in milliseconds; what was not measured is null. */
export type BenchResult = {
  readonly machine: Machine;
  readonly run: {
    readonly startedAt: string;
    readonly quick: boolean;
    readonly clients: number;
    /** Of the machine, over the minute before: others' work shows here. */
    readonly loadBefore: number;
    seconds: number | null;
    /** Benchmarks that ended in an error, with what it said. */
    readonly failed: Record<string, string>;
  };
  phases: Phases | null;
  limits: { consumeOnly: number; chunkInsertOnly: number } | null;
  baseline: { perSecond: number; withoutTransaction: number } | null;
  heartbeats: Heartbeats | null;
  polls: Polls | null;
  publishToAll: { clients: number; ms: number; settingMs: number; releaseMs: number } | null;
  pendingCount: PendingCount | null;
  offline: Offline | null;
  recovery: Recovery | null;
  reclassify: Reclassify | null;
  rebuild: { beatsPerSecond: number; factsPerSecond: number } | null;
  memory: { clients: number; bytesPerClient: number } | null;
};

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgres: string;
  readonly nats: string;
};

/** Heartbeats per second after a fleet started at once, over three of its intervals (G9). */
export type Phases = Spread & {
  readonly clients: number;
  readonly intervalSeconds: number;
  readonly registeredAfterSeconds: number;
  /** What the worst second would be off if each agent beat an interval after it registered, and so on. */
  readonly worstWithoutPhases: number;
  /** The same of each interval: an echo of the start would be in these. */
  readonly perInterval: readonly Spread[];
};

/** CPU time by part, in microseconds; the load generator's is not in it. */
export type CpuMicros = { readonly server: number; readonly nats: number; readonly postgres: number };

export type Heartbeats = {
  readonly clients: number;
  /** Beats that reached the broker, at the highest rate that was sustained. */
  readonly offered: number;
  /** Beats committed in the same time. */
  readonly sustained: number;
  /** Committed while more was offered than could be: the most the machine did, with the backlog growing. */
  readonly saturated: number;
  readonly lagP50: number;
  readonly lagP99: number;
  /** Null where the system does not tell (anything but Linux). */
  readonly cpuMicrosPerBeat: CpuMicros | null;
  readonly bytesPerBeatInLog: number;
  /** Beats that the broker acknowledged and the log does not have. */
  readonly lost: number;
};

export type Polls = {
  /** At most, as many at a time as the load generator has under way. */
  readonly perSecond: number;
  /** Of those; null where the system does not tell. */
  readonly cpuMicrosPerPoll: CpuMicros | null;
  /** At 1,000/s with no beats beside. */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly besideHeartbeats: { readonly heartbeatsPerSecond: number; readonly p50: number; readonly p99: number };
};

/** Times of an answer over HTTP, in milliseconds. */
export type Counting = { readonly p50: number; readonly p99: number };

/** Exact counts of a fleet of which everybody lacks something; `ms` is the p99 of the slowest. */
export type PendingCount = {
  readonly clients: number;
  readonly ms: number;
  /** `all`, `lacking` and `filtered` are the `total` of the list of clients. */
  readonly counts: Readonly<Record<'release' | 'fleet' | 'groups' | 'all' | 'lacking' | 'filtered', Counting>>;
};

export type Offline = {
  readonly clients: number;
  /** How many of them fell silent. */
  readonly silenced: number;
  readonly latenessP50: number;
  readonly latenessP99: number;
  /** Verdicts that were early, misdated, doubled, or about somebody who went on speaking. */
  readonly wrong: number;
  /** Clients without a verdict when the benchmark stopped waiting: the server was too far behind. */
  readonly missing: number;
};

export type Recovery = {
  readonly clients: number;
  /** From SIGKILL until another server is ready: its start, taking the lane, recovering presence. */
  readonly ms: number;
  /** From SIGKILL until the log is less than a second behind. */
  readonly caughtUpMs: number;
  /** What the new owner read of the log, after the last snapshot; null if it does not say. */
  readonly replayed: { readonly facts: number; readonly contacts: number } | null;
  readonly wrongOffline: number;
  /** Beats stored by the broker and not once in the log. */
  readonly lostOrDoubled: number;
};

export type Reclassify = {
  readonly clients: number;
  /** From the change of the networks until the log says of everybody that the class has changed. */
  readonly ms: number;
  readonly perSecond: number;
  /** Of the beats that went on meanwhile, from the broker to their commit. */
  readonly lagP50: number;
  readonly lagP99: number;
};

/** The result before anything was measured. */
export const emptyResult = (machine: Machine, run: BenchResult['run']): BenchResult => ({
  machine,
  run,
  phases: null,
  limits: null,
  baseline: null,
  heartbeats: null,
  polls: null,
  publishToAll: null,
  pendingCount: null,
  offline: null,
  recovery: null,
  reclassify: null,
  rebuild: null,
  memory: null,
});
