/** Handles items in order, a few at a time. */
export type Turns<T> = {
  readonly add: (item: T) => void;
  /** Resolves when everything added has been handled. */
  readonly idle: () => Promise<void>;
};

/** In milliseconds: what a turn takes at least, if there is enough to do. */
const shortestTurn = 10;
/** How many handled items may stand before those that wait. */
const manyHandled = 1_024;

/**
 * Lets everything else this process does have as much time as the items: the broker's client hands over all that has
 * arrived, two megabytes of it, without once looking at another socket. Whoever holds the log's lock waits for Postgres
 * to be heard, and under many requests waited for seconds, and everybody for him.
 */
export const inTurns = <T>(handle: (item: T) => void): Turns<T> => {
  const waiting: T[] = [];
  /** How many of them are handled. */
  let handled = 0;
  let isDue = false;
  let endedAt = performance.now();
  let idle: (() => void)[] = [];

  const turn = (): void => {
    const begun = performance.now();
    const until = begun + Math.max(shortestTurn, begun - endedAt);
    try {
      while (handled < waiting.length && performance.now() < until) handle(waiting[handled++] as T);
    } finally {
      end();
    }
  };

  const end = (): void => {
    if (handled === waiting.length || handled >= manyHandled) {
      waiting.splice(0, handled);
      handled = 0;
    }
    endedAt = performance.now();
    isDue = false;
    if (waiting.length > 0) schedule();
    else for (const resolve of idle.splice(0)) resolve();
  };

  const schedule = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(turn);
  };

  return {
    add: (item) => {
      // Nobody else waited for the time that passed while there was nothing to do.
      if (waiting.length === 0) endedAt = performance.now();
      waiting.push(item);
      schedule();
    },
    idle: () => (waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => (idle = [...idle, resolve]))),
  };
};
