import type postgres from 'postgres';
import type { Fact } from '#contracts';
import type { Database, DatabaseObserver, Transaction } from './database.js';

const observers = new WeakMap<Database, DatabaseObserver>();

/** What a transaction has sent and appended so far. */
type UnderWay = {
  /** Statements whose answers nobody has waited for. */
  readonly sent: Promise<unknown>[];
  readonly facts: Fact[];
};
const underWay = new WeakMap<Transaction, UnderWay>();

/** What happens to the pool is heard by this observer. */
export const observe = (db: Database, observer: DatabaseObserver): void => void observers.set(db, observer);

/** Notes facts that a transaction has appended, for the pool's observer to hear of when it has committed. */
export const noteAppended = (tx: Transaction, facts: readonly Fact[]): void => {
  const noted = underWay.get(tx)?.facts;
  if (noted) for (const fact of facts) noted.push(fact);
};

/** Has a transaction fail if this does, which nobody waits for. */
export const failWith = (tx: Transaction, sent: Promise<unknown>): void => {
  const state = underWay.get(tx);
  if (!state) throw new Error('Only transact() looks whether what is sent fails: begin the transaction with it.');
  state.sent.push(sent);
  // If something else fails before, nobody asks for it any more.
  sent.catch(() => undefined);
};

/**
 * Sends a statement of which nothing is needed but that it succeeds, and does not wait for its answer: whoever holds the
 * log's lock would hold it so much longer, on a busy process for many milliseconds. Postgres runs statements in the order
 * in which they are sent. If it fails, so does the transaction.
 */
export const send =
  (tx: Transaction) =>
  (text: TemplateStringsArray, ...parameters: readonly postgres.ParameterOrFragment<bigint>[]): void =>
    failWith(tx, tx(text, ...parameters).execute());

/**
 * Runs `work` in one transaction.
 *
 * What it has {@link send sent} is followed by the commit at once, so that the log's lock is let go of without another
 * turn of this process. Should one of these statements fail, that commit is a rollback, and their answers tell: nothing
 * of the transaction has happened, and it is their error that is thrown.
 */
export const transact = <T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> => {
  const observer = observers.get(db);
  return new Promise<T>((resolve, reject) => {
    const committed = (facts: readonly Fact[], result: T): void => {
      if (facts.length > 0) observer?.committed(facts);
      resolve(result);
    };
    const facts: Fact[] = [];
    const run = async (tx: Transaction): Promise<() => void> => {
      const sent: Promise<unknown>[] = [];
      underWay.set(tx, { sent, facts });
      const result = await work(tx);
      if (sent.length === 0) return () => committed(facts, result);
      // Chained, because the pool ends the transaction itself, and a commit without one is a warning in Postgres' log.
      await Promise.all([...sent, tx`COMMIT AND CHAIN`.execute()]);
      committed(facts, result);
      return () => undefined;
    };
    db.begin(run).then((end) => end(), reject);
  });
};
