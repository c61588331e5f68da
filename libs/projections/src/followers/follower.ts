import type { Fact, FactType } from '#contracts';
import type { Transaction } from '#event-log';

/**
 * A projection that follows the log at its own pace. Its checkpoint moves in the transaction that applies a batch, so
 * each fact is applied once; a new `version` starts from the beginning of the log.
 */
export type Follower = {
  readonly name: string;
  readonly version: number;
  /** The types it is given; it hears of no others. */
  readonly handles: readonly FactType[];
  /**
   * Its tables, in the order in which queries name them: a rebuild locks them in that order when it swaps them. None
   * where others write to them as well: it cannot be rebuilt then.
   */
  readonly tables: readonly string[];
  /** Facts in one transaction at most. */
  readonly atOnce: number;
  /** In milliseconds: after what it has applied, so that more comes together; none if it is not given. */
  readonly pause?: number;
  /** Names its tables without a schema: a rebuild fills others of the same names. */
  readonly apply: (batch: readonly Fact[], tx: Transaction) => Promise<void>;
};
