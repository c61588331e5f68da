/** How long things take, in milliseconds. */
export type Times = {
  /** A notification that nobody answers is sent again after so long (R18). */
  readonly retryInterval: number;
  /** How long an answer is waited for. */
  readonly answerTimeout: number;
  /** A hint may be lost with its connection, and nobody hints that a client's turn in a rollout has come: look so often. */
  readonly lookInterval: number;
  /**
   * For how long a worker has what it claimed; it renews it whenever it looks. A claim only spares doubled work: what a
   * worker may write is decided by fencing.
   */
  readonly lease: number;
};

export const defaultTimes: Times = {
  retryInterval: 15 * 60_000,
  answerTimeout: 5_000,
  lookInterval: 1_000,
  lease: 5_000,
};

/** A notification that nobody answers is sent again so many times; then it waits for the client's next contact (R18). */
export const retries = 5;
/**
 * Questions under way at most. So many clients that are connected and silent take up the room for one answer's timeout;
 * fewer delay nobody.
 */
export const maxUnderWay = 10_000;
/** Direct clients looked at by one statement. */
export const pageSize = 1_000;
