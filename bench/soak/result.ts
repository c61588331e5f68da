import type { Machine } from '../result.js';
import type { SoakOptions } from './options.js';

/** What a soak found out. Times in milliseconds, memory and disk in megabytes; null where the system does not tell. */
export type SoakResult = {
  readonly machine: Machine;
  readonly run: Omit<SoakOptions, 'json'> & {
    readonly startedAt: string;
    /** How long it took, with seeding and comparing. */
    readonly tookSeconds: number;
    readonly policy: Policy;
  };
  readonly kills: readonly Kill[];
  /** Servers that ended before they were ready. */
  readonly failedStarts: number;
  readonly lag: LagSummary;
  readonly polls: PollSummary;
  readonly memory: MemorySummary;
  readonly disk: DiskSummary;
  readonly books: Books;
  readonly minutes: readonly Minute[];
  /** What did not hold; empty is well. */
  readonly broken: readonly string[];
};

/** As ISO 8601 durations. */
export type Policy = { readonly heartbeat: string; readonly poll: string; readonly offlineAfter: string };

export type Kill = {
  readonly afterSeconds: number;
  /** From SIGKILL until another server is ready. */
  readonly readyMs: number;
  /** From SIGKILL until the log is less than a second behind. */
  readonly backMs: number;
  /** What the new owner read of the log, after the last snapshot. */
  readonly replayedContacts: number | null;
};

/** Of heartbeats, from their arrival at the broker to their commit. */
export type LagSummary = {
  /** But those that arrived from a second before a kill to ten seconds after it. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly afterKillsMax: number;
};

export type Latencies = { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };
export type PollSummary = {
  readonly begun: number;
  readonly answered: number;
  readonly acknowledgements: number;
  readonly repeated: number;
  /** From when a poll was due to its answer, with all repetitions. */
  readonly undisturbed: Latencies;
  readonly afterKills: Latencies;
  readonly errors: readonly string[];
};

/** The median of the second third of some time, and of its last third. */
export type Thirds = { readonly second: number; readonly last: number };
export type MemorySummary = {
  /** Resident memory of the server in each of its lives that lasted two minutes. */
  readonly lives: readonly Thirds[];
  /** Of the lives' last thirds: the median of the second third of lives, and of the last. */
  readonly overLives: Thirds | null;
  readonly nats: Thirds | null;
  /** With what its processes share counted once. */
  readonly postgres: Thirds | null;
};

export type DiskSummary = {
  readonly before: Disk;
  readonly after: Disk;
  /** Of the contact log, with its indexes, for each contact in it. */
  readonly bytesPerContact: number;
};
export type Disk = {
  readonly database: number;
  readonly contactLog: number;
  readonly factLog: number;
  readonly wal: number;
  readonly stream: number;
};

export type Books = {
  readonly beats: {
    readonly sent: number;
    readonly stored: number;
    readonly logged: number;
    /** Clients whose count in the log is not what was sent of them. */
    readonly wrongClients: number;
    readonly lost: number;
    readonly doubled: number;
    /** Beats that the generator did not send when they were due. */
    readonly held: number;
  };
  readonly polls: {
    readonly logged: number;
    /** Clients with fewer polls in the log than were answered, or more than were sent. */
    readonly wrongClients: number;
  };
  /** Positions of the log at which nothing stands, or two things do. */
  readonly gaps: number;
  /** Nobody fell silent: clients that the log says were offline, and the longest that any did not speak. */
  readonly wrongOffline: number;
  readonly longestSilenceMs: number;
  readonly queues: {
    readonly compared: number;
    readonly items: number;
    readonly wrong: number;
    readonly examples: readonly string[];
    /** Clients that have what was not meant for them. */
    readonly strayDeliveries: number;
  };
  readonly settingsChanged: number;
  readonly released: number;
};

export type Minute = {
  readonly minute: number;
  readonly beatsPerSecond: number;
  readonly pollsPerSecond: number;
  readonly pollP50: number;
  readonly pollP99: number;
  readonly lagMax: number;
  readonly serverMb: number | null;
  readonly natsMb: number | null;
  readonly postgresMb: number | null;
  readonly diskMb: number;
};
