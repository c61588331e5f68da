import type { ErrorCode, Status } from '#contracts';
import type { Chunk } from '#event-log';

/** A batch of messages that is committed. */
export type CommittedBatch = {
  readonly lane: number;
  readonly messages: number;
  /** The contacts of it, packed. */
  readonly chunks: readonly Chunk[];
  /** From the transaction's begin to its commit. */
  readonly seconds: number;
};

/** Hears of what intake does: once a batch, never once a message. Nothing it does may fail. */
export type IntakeObserver = {
  readonly committed: (batch: CommittedBatch) => void;
  readonly rejected: (counts: ReadonlyMap<ErrorCode, number>) => void;
};

/** How far a replay of the log is. Written to while it goes on. */
export type RecoveryProgress = {
  /** When it began to read the log, in milliseconds since 1970. */
  since: number;
  /** The position of the snapshot, that of the last fact or contact replayed, and that of the head. */
  from: bigint;
  at: bigint;
  to: bigint;
  facts: number;
  contacts: number;
};

export const newProgress = (): RecoveryProgress => ({
  since: Date.now(),
  from: 0n,
  at: 0n,
  to: 0n,
  facts: 0,
  contacts: 0,
});

/** What the intake of a process does with a lane. */
export type IntakeState =
  /** It takes the lane, or waits to try again. */
  | { readonly name: 'starting' }
  | { readonly name: 'recovering'; readonly progress: Readonly<RecoveryProgress> }
  /** The database has no room; it waits until there is some. */
  | { readonly name: 'disk_full' }
  | OwningState
  /** Another server has the lane. */
  | { readonly name: 'standing-by' };

export type OwningState = {
  readonly name: 'owning';
  readonly term: bigint;
  /** Seconds since the arrival of the last message committed: half a second while it keeps up, for a tick is one. */
  readonly lagSeconds: () => number;
  /** Messages that the broker holds, or that wait here to be processed. */
  readonly backlog: () => number;
  /** Registered clients by status. It looks at each: about 3 ms for a million. */
  readonly countStatuses: () => Readonly<Record<Status, number>>;
};
