import { inTime } from './in-time.js';
import type { MetricValues } from './metrics.js';

/** The metrics of another thread. One that does not answer in time shows what it showed last, for counters never fall. */
export const threadMetrics = () => {
  let read: (() => Promise<MetricValues>) | undefined;
  let last: MetricValues | undefined;
  return {
    watch: (values: () => Promise<MetricValues>): void => void (read = values),
    values: (): MetricValues | undefined => last,
    refresh: async (): Promise<void> => {
      if (read) await inTime(read().then((values) => void (last = values)));
    },
  };
};
