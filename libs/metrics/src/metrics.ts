import {
  AggregatorRegistry,
  collectDefaultMetrics,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { HttpObserver } from '#admin-api';
import type { DatabaseObserver, Storage } from '#event-log';
import type { IntakeObserver, IntakeState } from '#intake';
import type { NotifierObserver } from '#notifier';
import type { RequestObserver } from '#responders';
import { defineIn } from './define.js';
import { type BrokerLink, brokerMetrics, databaseMetrics, type WatchedDatabase } from './dependencies.js';
import { intakeMetrics } from './intake.js';
import { logMetrics } from './log.js';
import { credentialMetrics, httpMetrics, notifierMetrics, requestMetrics } from './requests.js';
import { storageMetrics } from './storage.js';
import { threadMetrics } from './thread.js';

/** The values of all metrics of a thread, as they go from one to another. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[];

/** The metrics of a process: what its parts report to, and what shows it. */
export type Metrics = {
  readonly intake: IntakeObserver;
  readonly requests: RequestObserver;
  readonly credentials: { readonly suspended: () => void };
  readonly notifier: NotifierObserver;
  readonly http: HttpObserver;
  readonly pool: (name: string) => DatabaseObserver;
  /** What is looked at whenever somebody asks. */
  readonly watch: {
    readonly lanes: (states: () => ReadonlyMap<number, IntakeState>) => void;
    readonly broker: (link: BrokerLink) => void;
    readonly database: (database: WatchedDatabase) => void;
    readonly storage: (read: () => Promise<Storage>) => void;
    /** Another thread of the process, whose values are added to those of this one. */
    readonly thread: (values: () => Promise<MetricValues>) => void;
  };
  /** The names of Reachback's own metrics. */
  readonly names: () => readonly string[];
  readonly contentType: string;
  /** For the thread that shows them, in a thread beside it. */
  readonly values: () => Promise<MetricValues>;
  /** Everything in the text format of Prometheus. It does not fail when a dependency is away; the metrics say so. */
  readonly read: () => Promise<string>;
};

export type MetricsOptions = {
  readonly version: string;
  readonly roles: readonly string[];
  /** Whether they say what the process takes; in a thread beside the first one they do not. */
  readonly isWholeProcess?: boolean;
};

/** Makes the metrics of a process; every one is there from the beginning, whichever roles run. */
export const createMetrics = ({ version, roles, isWholeProcess = true }: MetricsOptions): Metrics => {
  const registry = new Registry();
  const define = defineIn(registry);
  define
    .gauge('info', 'Always 1; the labels say what runs.', ['version', 'roles'], 'first')
    .set({ version, roles: roles.join() }, 1);
  const intake = intakeMetrics(define);
  const log = logMetrics(define);
  const requests = requestMetrics(define);
  const credentials = credentialMetrics(define);
  const notifier = notifierMetrics(define);
  const http = httpMetrics(define);
  const broker = brokerMetrics(define);
  const database = databaseMetrics(define);
  const storage = storageMetrics(define);
  const thread = threadMetrics();
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  if (isWholeProcess) collectDefaultMetrics({ register: registry });
  const refresh = async (): Promise<void> => {
    intake.refresh();
    broker.refresh();
    await Promise.all([database.refresh(), storage.refresh(), thread.refresh()]);
  };
  return {
    intake: { committed: intake.committed, rejected: log.rejected },
    requests: { answered: requests.answered, rejected: log.rejected },
    credentials,
    notifier,
    http,
    pool: (name) => ({ committed: log.committed, disconnected: () => database.disconnected(name) }),
    watch: {
      lanes: intake.watch,
      broker: broker.watch,
      database: database.watch,
      storage: storage.watch,
      thread: thread.watch,
    },
    names: () => names,
    contentType: registry.contentType,
    values: async () => {
      await refresh();
      return registry.getMetricsAsJSON();
    },
    read: async () => {
      await refresh();
      const others = thread.values();
      if (!others) return registry.metrics();
      return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), others]).metrics();
    },
  };
};
