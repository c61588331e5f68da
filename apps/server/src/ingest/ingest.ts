import type { Logger } from 'pino';
import type { Check, Lanes } from '#contracts';
import { startRetention } from '#event-log';
import { startIntake } from '#intake';
import type { BrokerLink, Metrics } from '#metrics';
import type { Config } from '../config.js';
import type { Pools } from '../pools.js';
import { checkIntake } from './check-intake.js';

/** The role `ingest` at work, in this thread or in one of its own. */
export type Ingest = {
  /** What it says of itself to who asks whether the server is ready. */
  readonly check: () => Promise<Check>;
  readonly stop: () => Promise<void>;
};

export type IngestOptions = {
  readonly config: Config;
  readonly pools: Pools;
  readonly broker: BrokerLink;
  readonly lanes: Lanes;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** Takes in what agents say, and lets go of what has become old. */
export const startIngest = async ({ config, pools, broker, lanes, metrics, log }: IngestOptions): Promise<Ingest> => {
  // An append of each lane may wait for its turn with a connection in its hand.
  const db = pools.open('ingest', 3 + Math.min(lanes.count, 16));
  const intake = await startIntake({ db, nats: broker.nats, lanes, log, observer: metrics.intake });
  metrics.watch.lanes(intake.states);
  const retention = startRetention({ db: pools.openRetention(), keepDays: config.REACHBACK_CONTACT_DAYS, log });
  return {
    check: () => checkIntake({ states: intake.states(), broker, lanes }),
    stop: async () => {
      await retention.stop();
      await intake.stop();
    },
  };
};
