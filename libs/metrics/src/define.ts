import { type Aggregator, Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Makes the metrics of one registry, each under Reachback's name. */
export type Define = {
  readonly counter: <L extends string>(name: string, help: string, labelNames?: readonly L[]) => Counter<L>;
  /** @param together what is shown where several threads have a value; by default the sum. */
  readonly gauge: <L extends string>(
    name: string,
    help: string,
    labelNames?: readonly L[],
    together?: Aggregator,
  ) => Gauge<L>;
  readonly histogram: <L extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly L[],
  ) => Histogram<L>;
};

export const defineIn = (registry: Registry): Define => {
  const describe = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `reachback_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames = []) => new Counter(describe(name, help, labelNames)),
    gauge: (name, help, labelNames = [], together = 'sum') =>
      new Gauge({ ...describe(name, help, labelNames), aggregator: together }),
    histogram: (name, help, buckets, labelNames = []) =>
      new Histogram({ ...describe(name, help, labelNames), buckets: [...buckets] }),
  };
};

/** Seconds that a request or a statement takes. */
export const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
