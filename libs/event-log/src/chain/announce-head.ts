import type { Logger } from 'pino';
import type { Database } from '../database.js';
import { readChainHead } from './read-chain-head.js';

/** In milliseconds. */
const interval = 3_600_000;

/**
 * Says in the log where the chain of facts ends, at once and every hour: kept outside the database, the line tells later
 * whether facts before it were rewritten or cut off, which nothing inside the database can.
 */
export const announceHead = (db: Database, log: Logger): { readonly stop: () => void } => {
  const announce = async (): Promise<void> => {
    const { position, hash } = await readChainHead(db);
    log.info({ position: String(position), hash: hash.toString('hex') }, 'the log of facts ends here');
  };
  const tryIt = () =>
    void announce().catch((error: unknown) => log.warn({ error: String(error) }, 'no head announced'));
  tryIt();
  const timer = setInterval(tryIt, interval);
  return { stop: () => clearInterval(timer) };
};
