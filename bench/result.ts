import type { Access } from './system/access.js';
import type { Spread } from './phases/spread.js';
import type { Replayed } from './system/server.js';

/** What a run found out. Rates are per second, times in milliseconds; what was not measured is null. */
export type BenchResult = {
  readonly machine: Machine;
  readonly run: {
    readonly startedAt: string;
    readonly quick: boolean;
    readonly clients: number;
    /** Missing in results from before it could be chosen: open. */
    readonly access?: Access;
    /** Of the machine, over the minute before: others' work shows here. */
    readonly loadBefore: number;
    seconds: number | null;
    /** Benchmarks that ended in an error, with what it said. */
    readonly failed: Record<string, string>;
  };
  phases: Phases | null;
  limits: Limits | null;
  baseline: { perSecond: number; withoutTransaction: number } | null;
  /** Facts appended with what follows from them and nothing beside, ten thousand in a transaction, while the fleet is made. */
  seeding: { registrationsPerSecond: number; transitionsPerSecond: number } | null;
  heartbeats: Heartbeats | null;
  sustained: Sustained | null;
  polls: Polls | null;
  publishToAll: { clients: number; ms: number; settingMs: number; releaseMs: number } | null;
  pendingCount: PendingCount | null;
  lists: ListTimes[] | null;
  offline: Offline | null;
  storm: Storm | null;
  recovery: Recovery | null;
  reclassify: Reclassify | null;
  startup: Startup | null;
  rebuild: { beatsPerSecond: number; factsPerSecond: number } | null;
  memory: Memory | null;
  /** Missing in results from before it was measured. */
  access?: AccessCost[] | null;
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

/** What the machine gives each part by itself. */
export type Limits = {
  readonly consumeOnly: number;
  /** Beats from the load through the broker to our source, with which nothing is done; missing before 2026-11-28. */
  readonly passThrough?: number;
  readonly chunkInsertOnly: number;
  /** Requests answered by a process that does nothing else. */
  readonly requestReplyOnly: number;
};

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
  /** What Postgres wrote ahead meanwhile, for whatever reason. */
  readonly walBytesPerBeat: number;
  /** Beats that the broker acknowledged and the log does not have. */
  readonly lost: number;
};

/** Heartbeats at one rate for a long time. */
export type Sustained = Omit<Heartbeats, 'sustained' | 'saturated'> & {
  readonly seconds: number;
  readonly committed: number;
  readonly lagMax: number;
  /** Messages more that waited in the stream at the end than at the beginning. */
  readonly backlogGrown: number;
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
  /** The highest rate tried beside these heartbeats at which p99 was within the limit; null if none was. */
  readonly withinLimit: { readonly limitMs: number; readonly perSecond: number; readonly p99: number } | null;
};

/** Of one list under one filter and sort, in milliseconds. */
export type ListTimes = {
  readonly name: string;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
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
  /** Verdicts before they were due. */
  readonly early: number;
  /** Verdicts that were early, misdated, doubled, or about somebody who went on speaking. */
  readonly wrong: number;
  /** Clients without a verdict when the benchmark stopped waiting: the server was too far behind. */
  readonly missing: number;
};

/** Clients that all register or start at once, beside the fleet's heartbeats. */
export type Storm = {
  readonly registered: number;
  readonly started: number;
  /** In which they came. */
  readonly withinSeconds: number;
  /** From when each was due to its answer. */
  readonly p50: number;
  readonly p99: number;
  /** From the first request to the last answer. */
  readonly lastReplyMs: number;
  /** Answers that said to ask again later. */
  readonly refused: number;
  /** Errors, and requests without an answer. */
  readonly failed: number;
  readonly wrongOffline: number;
};

/** From the start of the server's process until it is ready, with a broker and a database that are up. */
export type Startup = {
  readonly clients: number;
  readonly withSnapshotMs: number;
  readonly withoutSnapshotMs: number;
  /** What it read of the log without a snapshot. */
  readonly replayed: Replayed | null;
  /** With an empty database and no schema yet. */
  readonly emptyMs: number;
};

/** The owner's memory, by the difference between two fleets, so that what every owner takes is not in it. */
export type Memory = {
  readonly clients: number;
  readonly smallFleet: number;
  /** Heap and buffers after garbage collection. */
  readonly bytesPerClient: number;
  /** Of the process, with what the replay left behind that the system has not got back. */
  readonly residentBytesPerClient: number;
  /** What is left of the larger fleet's for the owner of nobody. */
  readonly fixedBytes: number;
};

export type Recovery = {
  readonly clients: number;
  /** From SIGKILL until another server is ready: its start, taking the lane, recovering presence. */
  readonly ms: number;
  /** From SIGKILL until the log is less than a second behind. */
  readonly caughtUpMs: number;
  readonly replayed: Replayed | null;
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

/** What agents with connections of their own cost, each speaking for itself alone, in one way of reaching the broker. */
export type AccessCost = {
  readonly access: Access;
  readonly connections: number;
  /** From dialling until the broker has let an agent in: TLS handshake and signed JWT; one after the other. */
  readonly connectP50: number;
  readonly connectP99: number;
  /** Of the broker, by its resident memory with and without them; null where the system does not tell. */
  readonly brokerBytesPerConnection: number | null;
  /** Offered at one rate, the same for all. */
  readonly beats: { readonly perSecond: number; readonly cpuMicrosPerBeat: CpuMicros | null };
  /** Answered at most; delays at a lower rate. */
  readonly polls: {
    readonly perSecond: number;
    readonly cpuMicrosPerPoll: CpuMicros | null;
    /** Told to ask again later, and in none of the other figures. */
    readonly refused: number;
  };
  readonly pollP50: number;
  readonly pollP99: number;
};

/** The result before anything was measured. */
export const emptyResult = (machine: Machine, run: BenchResult['run']): BenchResult => ({
  machine,
  run,
  phases: null,
  limits: null,
  baseline: null,
  seeding: null,
  heartbeats: null,
  sustained: null,
  polls: null,
  publishToAll: null,
  pendingCount: null,
  lists: null,
  offline: null,
  storm: null,
  recovery: null,
  reclassify: null,
  startup: null,
  rebuild: null,
  memory: null,
  access: null,
});
