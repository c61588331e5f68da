/** Runs waiting items together: whatever has gathered while the batches before were under way. */
export type MicroBatch<T> = {
  readonly add: (item: T) => void;
  /**
   * For how long the item has waited that has waited longest, in milliseconds; 0 when none does. Items that came while
   * another with their key was there wait for that one: they say nothing of the others, and do not count (G12).
   */
  readonly wait: () => number;
  /** Resolves when everything added has been run. */
  readonly idle: () => Promise<void>;
};

export type MicroBatchOptions<T> = {
  readonly run: (items: readonly T[]) => Promise<void>;
  /** Items with the same key never run together, nor at the same time. */
  readonly keyOf: (item: T) => string;
  /** What an item counts for; a batch is full at `maxWeight`. */
  readonly weightOf: (item: T) => number;
  readonly maxWeight: number;
  readonly concurrency: number;
  /** Milliseconds from the begin of one batch to the next, unless it is full: or fewer, as many as the last one took. */
  readonly pace: number;
};

type Waiting<T> = { readonly item: T; readonly since: number; readonly isFirst: boolean };

/**
 * An item that comes alone runs at once. Items that come one after another share a batch when they come within its pace,
 * or while those before are under way: so that thousands of requests a second share a hundred transactions.
 */
export const microBatch = <T>(options: MicroBatchOptions<T>): MicroBatch<T> => {
  const { run, keyOf, weightOf, maxWeight, concurrency, pace } = options;
  let waiting: Waiting<T>[] = [];
  /** Of those that wait. */
  let weight = 0;
  const busy = new Set<string>();
  /** How many items with a key wait or are being run. */
  const present = new Map<string, number>();
  let running = 0;
  let begunAt = -Infinity;
  let took = pace;
  let later: NodeJS.Timeout | undefined;
  let idle: (() => void)[] = [];

  const take = (): readonly T[] => {
    const taken: T[] = [];
    const left: Waiting<T>[] = [];
    let room = maxWeight;
    for (const one of waiting) {
      const key = keyOf(one.item);
      const own = weightOf(one.item);
      if (busy.has(key)) left.push(one);
      else if (own > room) {
        // Nobody goes past one that finds no room.
        room = 0;
        left.push(one);
      } else {
        room -= own;
        weight -= own;
        busy.add(key);
        taken.push(one.item);
      }
    }
    waiting = left;
    return taken;
  };

  const leave = (key: string): void => {
    busy.delete(key);
    const left = (present.get(key) ?? 0) - 1;
    if (left > 0) present.set(key, left);
    else present.delete(key);
  };

  const next = async (): Promise<void> => {
    const items = take();
    if (items.length === 0) return;
    running++;
    const since = begunAt;
    try {
      await run(items);
    } finally {
      took = performance.now() - since;
      running--;
      for (const item of items) leave(keyOf(item));
      start();
      if (running === 0 && waiting.length === 0) for (const resolve of idle.splice(0)) resolve();
    }
  };

  const start = (): void => {
    while (running < concurrency && waiting.length > 0) {
      const left = weight < maxWeight ? begunAt + Math.min(pace, took) - performance.now() : 0;
      if (left > 0) return startIn(left);
      const before = running;
      begunAt = performance.now();
      void next();
      if (running === before) return;
    }
  };

  const startIn = (milliseconds: number): void => {
    later ??= setTimeout(() => {
      later = undefined;
      start();
    }, milliseconds);
  };

  return {
    add: (item) => {
      const key = keyOf(item);
      const others = present.get(key) ?? 0;
      present.set(key, others + 1);
      waiting.push({ item, since: performance.now(), isFirst: others === 0 });
      weight += weightOf(item);
      start();
    },
    wait: () => {
      const first = waiting.find(({ isFirst }) => isFirst);
      return first ? performance.now() - first.since : 0;
    },
    idle: () =>
      running === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => (idle = [...idle, resolve])),
  };
};
