import { type Database, type DatabaseOptions, openDatabase, openRetentionDatabase } from '#event-log';
import type { Metrics } from '#metrics';
import type { Config } from './config.js';

export type PoolOptions = Pick<DatabaseOptions, 'statementTimeout' | 'customPlans'>;

/** The connections of a thread to the database, in pools: what one part keeps busy is missing to no other. */
export type Pools = {
  readonly open: (pool: string, connections: number, options?: PoolOptions) => Database;
  readonly openRetention: () => Database;
  readonly end: () => Promise<void>;
};

/** @param instance by which the database's list of connections tells those of this process from others' */
export const openPools = (config: Config, instance: string, metrics: Pick<Metrics, 'pool'>): Pools => {
  const url = config.REACHBACK_DATABASE_URL;
  const all: Database[] = [];
  const keep = (db: Database): Database => {
    all.push(db);
    return db;
  };
  const common = (pool: string) => ({ url, name: `reachback ${pool} ${instance}`, observer: metrics.pool(pool) });
  return {
    open: (pool, connections, options) => keep(openDatabase({ ...common(pool), connections, ...options })),
    openRetention: () => keep(openRetentionDatabase(common('retention'))),
    end: async () => void (await Promise.all(all.map((db) => db.end({ timeout: 5 })))),
  };
};
