import postgres from 'postgres';
import type { Fact } from '#contracts';
import { observe } from './transact.js';

/** A time that is text already goes as it is: the client would read it and write it again, 1 us each of thousands. */
const date = {
  to: 1184,
  from: [1082, 1114, 1184],
  serialize: (time: Date | string) => (typeof time === 'string' ? time : time.toISOString()),
  parse: (text: string) => new Date(text),
};
const types = { bigint: postgres.BigInt, date };

/** A connection pool on Reachback's database; `int8` is read as `bigint`. */
export type Database = postgres.Sql<{ bigint: bigint }>;
/** The same inside a transaction. */
export type Transaction = postgres.TransactionSql<{ bigint: bigint }>;
/** Either: for reading. */
export type Queryable = Database | Transaction;

/** A process that hangs within a transaction holds its locks, the lane's among them; after so many milliseconds no more. */
const hangTimeout = 5_000;

export type DatabaseOptions = {
  readonly url: string;
  /** Connections at most. */
  readonly connections?: number;
  /** Shown in `pg_stat_activity`. */
  readonly name?: string;
  /** How long to wait for a lock before failing, in milliseconds; as long as it takes by default. */
  readonly lockTimeout?: number;
  /**
   * How long a statement may run, in milliseconds; as long as it takes by default. For what somebody waits for: who asked
   * may have gone, but Postgres would go on, and while it does nothing that was replaced since is cleared away.
   */
  readonly statementTimeout?: number;
  /**
   * Whether a statement is planned anew for each of the values that it is given. For questions whose best plan depends on
   * what is asked: after five times Postgres makes one for all, which counted a group of 2,000 in 52 ms in place of 7.
   */
  readonly customPlans?: boolean;
  readonly observer?: DatabaseObserver;
};

/** Hears what happens to a pool; nothing it does may fail. */
export type DatabaseObserver = {
  /** A transaction of {@link transact} has committed, and with it these facts; not called where there are none. */
  readonly committed: (facts: readonly Fact[]) => void;
  /** A connection ended, for whatever reason. */
  readonly disconnected: () => void;
};

/** Opens a pool; connects on first use, and again after a failure. */
export const openDatabase = ({
  url,
  connections = 4,
  name = 'reachback',
  lockTimeout = 0,
  statementTimeout = 0,
  customPlans = false,
  observer,
}: DatabaseOptions): Database => {
  const db = postgres(url, {
    max: connections,
    types,
    onnotice: () => undefined,
    connect_timeout: 5,
    // What is read again and again is in memory: an index costs what a scan does, also on a small table, which with the
    // default of 4 is scanned row by row for each of a million clients. The ids that a filter of a list passes are kept
    // in mind while an index is gone through: twice `work_mem` is room for 800,000.
    connection: {
      application_name: name,
      TimeZone: 'UTC',
      idle_in_transaction_session_timeout: hangTimeout,
      random_page_cost: '1.1',
      lock_timeout: lockTimeout,
      statement_timeout: statementTimeout,
      plan_cache_mode: customPlans ? 'force_custom_plan' : 'auto',
      work_mem: '16MB',
    },
    backoff: (retries: number) => Math.min(0.1 * 2 ** retries, 2) * (0.5 + Math.random() / 2),
    ...(observer ? { onclose: () => observer.disconnected() } : {}),
  });
  if (observer) observe(db, observer);
  return db;
};

const connectionErrors = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '08006',
  '08001',
]);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

/** Whether an error means that Postgres is away, rather than that it refused what was asked. */
export const isConnectionError = (error: unknown): boolean => connectionErrors.has(codeOf(error));

/**
 * Whether an error means that Postgres has no room left. Nothing of what was asked has happened. Where it is the
 * write-ahead log that has no room, Postgres goes down with it: connection errors follow.
 */
export const isDiskFull = (error: unknown): boolean => codeOf(error) === '53100';

/** Whether an error means that a statement ran longer than it may ({@link DatabaseOptions}). */
export const isTimeout = (error: unknown): boolean => codeOf(error) === '57014'; // query_canceled

/** Whether an error is about the database rather than about what was asked: it is worth trying again, later. */
export const isOutage = (error: unknown): boolean => isConnectionError(error) || isDiskFull(error);
