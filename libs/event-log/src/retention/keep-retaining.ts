import type { Logger } from 'pino';
import { type Database, isConnectionError } from '../database.js';
import { pause } from '../wake.js';
import { retain } from './retain.js';

/** How often to look for what is too old, in milliseconds. */
const interval = 60_000;

export type RetentionOptions = {
  readonly db: Database;
  /** For how many days contacts are kept; whole days (UTC), so up to one more. */
  readonly keepDays: number;
  readonly log: Logger;
};

/** Drops what is too old until it is stopped; any number of processes may. */
export const startRetention = ({ db, keepDays, log }: RetentionOptions): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const retained = await retain(db, keepDays);
        if (retained && retained.days.length > 0) log.info(retained, 'old contacts dropped');
      } catch (error) {
        // A reader that takes long, mostly a backup, holds up what comes after it; the contacts will go the next time.
        if (!isConnectionError(error)) log.warn({ error: String(error) }, 'old contacts were not dropped yet');
      }
      await pause(interval, stopping.signal);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
